//! Which operands meet in a second derivative: the bent ones of one cell, unless they are only added.
//!
//! Two bent operands of a cell may be the terms of a sum, as in `exp(a) + exp(b)`, or the factors of a
//! product. The structure alone does not tell which. A second recording does, in which no variable under
//! the first operand is marked, and every variable under the second alone is. If the derivative with
//! respect to the first then carries no mark, no variable of the first alone meets one of the second alone.

use super::graph::{CONSTANT, Graph, Operand};
use super::support::supports;
use crate::error::Error;

/// The largest number of further recordings that look for sums; pairs left undecided count as meeting.
const ROUNDS: usize = 4;

/// A recording with marks on some variables, by which sums were found.
///
/// The pattern rests on it: at a point where a recording with these marks looks different, the pattern
/// does not hold.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) marks: Vec<bool>,
    pub(super) fingerprint: u64,
}

/// Groups of cells whose variables all meet.
pub(super) struct Meetings {
    pub(super) groups: Vec<Vec<u32>>,
    /// The cells with two operands, both bent, and their groups.
    pairs: Vec<(u32, usize)>,
}

impl Meetings {
    /// The bent operands of each cell that the output depends on, and a bent output.
    pub(super) fn new(graph: &Graph, output: Operand) -> Self {
        let mut live = vec![false; graph.len()];
        live[output.cell as usize] = true;
        let (mut groups, mut pairs) = (Vec::new(), Vec::new());
        if output.bent {
            groups.push(vec![output.cell]);
        }
        for cell in (CONSTANT as usize + 1..graph.len()).rev() {
            if !live[cell] {
                continue;
            }
            let operands = graph.operands(cell);
            for operand in operands {
                live[operand.cell as usize] = true;
            }
            let bent: Vec<u32> = operands.iter().filter(|o| o.bent).map(|o| o.cell).collect();
            if bent.len() == 2 && operands.len() == 2 {
                pairs.push((cell as u32, groups.len()));
            }
            if !bent.is_empty() {
                groups.push(bent);
            }
        }
        Self { groups, pairs }
    }

    /// Splits the groups of cells that only add their operands; returns the recordings that show it.
    ///
    /// # Errors
    /// If a recording fails.
    pub(super) fn part_sums(
        &mut self,
        graph: &Graph,
        inputs: &[u32],
        marked: &mut dyn FnMut(&[bool]) -> Result<Graph, Error>,
    ) -> Result<Vec<Round>, Error> {
        let singles: Vec<&[u32]> = self
            .pairs
            .iter()
            .flat_map(|&(_, group)| self.groups[group].chunks(1))
            .collect();
        let (sets, of) = supports(graph, inputs, &singles);
        // Where one support contains the other, a sum has the pattern of a product.
        let apart = |k: &usize| {
            let [a, b] = [of[2 * k], of[2 * k + 1]].map(|set| &sets[set as usize]);
            let lacks = |a: &[u32], b: &[u32]| a.iter().any(|v| b.binary_search(v).is_err());
            of[2 * k] != of[2 * k + 1] && lacks(a, b) && lacks(b, a)
        };
        let mut open: Vec<usize> = (0..self.pairs.len()).filter(apart).collect();
        let (mut parted, mut rounds) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            // As many pairs as fit: nothing under a first operand may be marked, and all under a second
            // one alone must be. Marking one variable would not do: a constant branch may hide it.
            let (mut marks, mut bare) = (vec![false; inputs.len()], vec![false; inputs.len()]);
            let mut chosen = Vec::new();
            open.retain(|&k| {
                let [a, b] = [of[2 * k], of[2 * k + 1]].map(|set| &sets[set as usize]);
                let alone = || b.iter().filter(|v| a.binary_search(v).is_err());
                if a.iter().any(|&v| marks[v as usize]) || alone().any(|&v| bare[v as usize]) {
                    return true;
                }
                alone().for_each(|&v| marks[v as usize] = true);
                a.iter().for_each(|&v| bare[v as usize] = true);
                chosen.push(k);
                false
            });
            if chosen.is_empty() {
                break;
            }
            let again = marked(&marks)?;
            if !again.has_cells_of(graph) {
                break;
            }
            chosen.retain(|&k| {
                let cell = self.pairs[k].0 as usize;
                !again.operands(cell)[0].bent
            });
            if !chosen.is_empty() {
                let fingerprint = again.fingerprint(&[], &[]);
                rounds.push(Round { marks, fingerprint });
                parted.extend(chosen);
            }
        }
        for k in parted {
            let group = &mut self.groups[self.pairs[k].1];
            let second = group.split_off(1);
            self.groups.push(second);
        }
        Ok(rounds)
    }
}
