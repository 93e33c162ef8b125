//! The images: read from text, split, batched.

use std::error::Error;

use wengert::{Random, Tensor};

/// Pixels of an image.
const PIXELS: usize = 64;

/// Images with their classes.
pub struct Digits {
    images: Vec<[f32; PIXELS]>,
    labels: Vec<usize>,
}

impl Digits {
    /// Reads lines of 64 pixels from 0 to 16 and a class from 0 to 9.
    ///
    /// # Errors
    /// Names the line that does not parse, and what is wrong with it.
    pub fn read(text: &str) -> Result<Self, Box<dyn Error>> {
        let mut digits = Self {
            images: Vec::new(),
            labels: Vec::new(),
        };
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            if record.len() != PIXELS + 1 {
                return Err(format!(
                    "line {line}: {} columns, {} are needed",
                    record.len(),
                    PIXELS + 1
                )
                .into());
            }
            let mut image = [0.0; PIXELS];
            for (pixel, field) in image.iter_mut().zip(&record) {
                let value: f32 = field
                    .parse()
                    .map_err(|e| format!("line {line}: pixel {field:?}: {e}"))?;
                *pixel = value / 16.0;
            }
            let field = &record[PIXELS];
            let label = field.parse().ok().filter(|&label: &usize| label < 10);
            let label = label.ok_or(format!("line {line}: {field:?} is not a class of 0 to 9"))?;
            digits.images.push(image);
            digits.labels.push(label);
        }
        Ok(digits)
    }

    /// Shuffles, and splits off the given fraction for training.
    pub fn split(self, part: f64, random: &mut Random) -> (Self, Self) {
        let order = random.permutation(self.len());
        let (train, test) = order.split_at((self.len() as f64 * part) as usize);
        let pick = |of: &[usize]| Self {
            images: of.iter().map(|&i| self.images[i]).collect(),
            labels: of.iter().map(|&i| self.labels[i]).collect(),
        };
        (pick(train), pick(test))
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The images and labels at the given indices.
    pub fn batch(&self, of: &[usize]) -> (Tensor<f32>, Vec<usize>) {
        let pixels = of.iter().flat_map(|&i| self.images[i]).collect();
        let images = Tensor::new([of.len(), PIXELS], pixels).expect("64 pixels an image");
        (images, of.iter().map(|&i| self.labels[i]).collect())
    }
}
