//! Colourings: which columns of a sparse matrix may share one product.
//!
//! Terms as in Gebremedhin, Manne and Pothen, "What color is your Jacobian?" (SIAM Review 47, 2005).

use smallvec::SmallVec;

use super::pattern::Pattern;

/// The colour of a column without entries: no product is needed for it.
pub(super) const NONE: u32 = u32::MAX;

/// A colour for each column.
#[derive(Clone, Debug)]
pub(super) struct Colours {
    pub(super) of: Vec<u32>,
    pub(super) count: usize,
}

impl Colours {
    fn new(of: Vec<u32>) -> Self {
        let used = of.iter().filter(|&&colour| colour != NONE);
        let count = used.max().map_or(0, |&colour| colour as usize + 1);
        Self { of, count }
    }
}

/// Colours columns so that no row has two entries of one colour (distance 2), greedily in order.
pub(super) fn columns(pattern: &Pattern) -> Colours {
    let by_column = pattern.transposed();
    let mut of = vec![NONE; pattern.columns()];
    let mut taken = Vec::new();
    for column in 0..pattern.columns() {
        let rows = by_column.row(column);
        for &row in rows {
            for &other in pattern.row(row as usize) {
                forbid(&mut taken, of[other as usize], column);
            }
        }
        if !rows.is_empty() {
            of[column] = free(&taken, column);
        }
    }
    Colours::new(of)
}

/// Colours the variables of a symmetric pattern so that neighbours differ and no path of four variables
/// has only two colours (a star colouring). Then every entry can be read off one product.
///
/// Where a few variables meet all others, this needs far fewer colours than distance 2: two for an arrow
/// of any size. It is greedy, in the given order and by falling degree; the better result is returned.
pub(super) fn star(pattern: &Pattern) -> Colours {
    let natural: Vec<u32> = (0..pattern.rows() as u32).collect();
    let mut falling = natural.clone();
    falling.sort_by_key(|&v| std::cmp::Reverse(pattern.row(v as usize).len()));
    let [a, b] = [natural, falling].map(|order| star_in(pattern, &order));
    if b.count < a.count { b } else { a }
}

/// What a variable sees of one colour among its neighbours.
#[derive(Clone, Copy)]
struct Sight {
    colour: u32,
    /// One neighbour of this colour.
    first: u32,
    /// Whether there are more: then the variable is the hub of a star.
    hub: bool,
}

fn star_in(pattern: &Pattern, order: &[u32]) -> Colours {
    let n = pattern.rows();
    let mut of = vec![NONE; n];
    let mut taken = Vec::new();
    // For each variable the distinct colours around it, and those of the hubs whose leaf it is.
    let mut sights = vec![SmallVec::<[Sight; 4]>::new(); n];
    let mut hubs = vec![SmallVec::<[u32; 4]>::new(); n];
    for (turn, &v) in order.iter().enumerate() {
        let neighbours = || pattern.row(v as usize).iter().copied().filter(|&w| w != v);
        for w in neighbours().filter(|&w| of[w as usize] != NONE) {
            let colour = of[w as usize];
            forbid(&mut taken, colour, turn);
            // v, w, the hub, another of its leaves: four in two colours if v had the hub's colour.
            for &hub in &hubs[w as usize] {
                forbid(&mut taken, hub, turn);
            }
            // Another neighbour of w's colour, v, w, x: four in two colours if v had x's colour.
            if find(&sights[v as usize], colour).is_some_and(|sight| sight.hub) {
                for sight in &sights[w as usize] {
                    forbid(&mut taken, sight.colour, turn);
                }
            }
        }
        if pattern.row(v as usize).is_empty() {
            continue;
        }
        let colour = free(&taken, turn);
        of[v as usize] = colour;
        for w in neighbours() {
            see(&mut sights, &mut hubs, &of, w, v, colour);
        }
        // A hub that is coloured after its leaves.
        for w in neighbours() {
            let around = of[w as usize];
            if around != NONE && find(&sights[v as usize], around).is_some_and(|s| s.hub) {
                note(&mut hubs[w as usize], colour);
            }
        }
    }
    Colours::new(of)
}

/// `w` sees that its neighbour `v` has been given a colour.
fn see(
    sights: &mut [SmallVec<[Sight; 4]>],
    hubs: &mut [SmallVec<[u32; 4]>],
    of: &[u32],
    w: u32,
    v: u32,
    colour: u32,
) {
    let own = of[w as usize];
    let Some(sight) = sights[w as usize].iter_mut().find(|s| s.colour == colour) else {
        sights[w as usize].push(Sight {
            colour,
            first: v,
            hub: false,
        });
        return;
    };
    sight.hub = true;
    let first = sight.first;
    if own != NONE {
        note(&mut hubs[first as usize], own);
        note(&mut hubs[v as usize], own);
    }
}

fn find(sights: &[Sight], colour: u32) -> Option<&Sight> {
    sights.iter().find(|sight| sight.colour == colour)
}

fn note(list: &mut SmallVec<[u32; 4]>, colour: u32) {
    if !list.contains(&colour) {
        list.push(colour);
    }
}

/// Marks a colour as taken in this turn.
fn forbid(taken: &mut Vec<usize>, colour: u32, turn: usize) {
    if colour != NONE {
        if taken.len() <= colour as usize {
            taken.resize(colour as usize + 1, usize::MAX);
        }
        taken[colour as usize] = turn;
    }
}

/// The first colour that is not taken in this turn.
fn free(taken: &[usize], turn: usize) -> u32 {
    let free = taken.iter().position(|&last| last != turn);
    free.unwrap_or(taken.len()) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern(rows: usize, columns: usize, entries: &[(usize, usize)], pairs: bool) -> Pattern {
        let mut pattern = Pattern::new(columns);
        for row in 0..rows {
            let at = |&(i, j): &(usize, usize)| {
                let (i, j) = (i % rows, j % columns);
                let mirrored = pairs && j == row;
                if i == row {
                    Some(j)
                } else {
                    mirrored.then_some(i)
                }
            };
            let mut row: Vec<u32> = entries.iter().filter_map(at).map(|j| j as u32).collect();
            row.sort_unstable();
            row.dedup();
            pattern.push(row);
        }
        pattern
    }

    /// Whether every entry can be read off: the only one of its colour in its row or in its mirror's.
    fn recovers(pattern: &Pattern, of: &[u32]) -> bool {
        let alone = |row: usize, column: usize| {
            let same = |&&other: &&u32| of[other as usize] == of[column];
            pattern.row(row).iter().filter(same).count() == 1
        };
        (0..pattern.rows()).all(|row| {
            let columns = pattern.row(row).iter();
            columns
                .map(|&c| c as usize)
                .all(|c| alone(row, c) || alone(c, row))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn no_row_has_two_entries_of_one_colour(
            entries in prop::collection::vec((0..20usize, 0..20usize), 0..80),
            rows in 1..20usize, n in 1..20usize,
        ) {
            let pattern = pattern(rows, n, &entries, false);
            let colours = columns(&pattern);
            for row in 0..rows {
                let mut seen: Vec<u32> = pattern.row(row).iter().map(|&c| colours.of[c as usize]).collect();
                prop_assert!(!seen.contains(&NONE));
                seen.sort_unstable();
                seen.dedup();
                prop_assert_eq!(seen.len(), pattern.row(row).len());
            }
        }

        #[test]
        fn every_entry_is_read_off_one_product_of_a_star_colouring(
            entries in prop::collection::vec((0..20usize, 0..20usize), 0..80),
            n in 1..20usize,
        ) {
            let pattern = pattern(n, n, &entries, true);
            let colours = star(&pattern);
            prop_assert!(recovers(&pattern, &colours.of));
            prop_assert!(colours.count <= n);
        }
    }
}
