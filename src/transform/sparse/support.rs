//! Which variables a cell depends on, and the patterns that follow.
//!
//! A row of a Jacobian is the support of one output. A Hessian is a union of cliques: the variables
//! under the bent operands of one cell may all meet in its second derivative.
//!
//! The support of a long sum is not built unless an operation bends it: only cells with several uses keep
//! a set, equal sets are stored once, and trees of cells with a single use are walked in place.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::graph::{Graph, Operand};
use super::meetings::{Meetings, Round};
use super::pattern::Pattern;
use crate::error::Error;

/// No set, or no variable.
const NONE: u32 = u32::MAX;

/// The largest number of entries; a matrix with more is too dense for this module.
const MOST: usize = 1 << 28;

/// The pattern of the Jacobian: for each output, the variables it depends on.
///
/// # Errors
/// If there are too many entries.
pub(super) fn jacobian(
    graph: &Graph,
    inputs: &[u32],
    outputs: &[Operand],
) -> Result<Pattern, Error> {
    let groups: Vec<[u32; 1]> = outputs.iter().map(|output| [output.cell]).collect();
    let groups: Vec<&[u32]> = groups.iter().map(|group| &group[..]).collect();
    let (sets, rows) = supports(graph, inputs, &groups);
    let mut pattern = Pattern::new(inputs.len());
    for row in rows {
        let row = &sets[row as usize];
        check(pattern.len() + row.len())?;
        pattern.push(row.iter().copied());
    }
    Ok(pattern)
}

/// The pattern of the Hessian: every pair of variables that meet under bent operands.
///
/// `marked` records again with marks on some variables only, to tell sums from products; the recordings
/// that found sums are returned as well.
///
/// # Errors
/// If there are too many entries, or a recording fails.
pub(super) fn hessian(
    graph: &Graph,
    inputs: &[u32],
    output: Operand,
    marked: &mut dyn FnMut(&[bool]) -> Result<Graph, Error>,
) -> Result<(Pattern, Vec<Round>), Error> {
    let mut meetings = Meetings::new(graph, output);
    let rounds = meetings.part_sums(graph, inputs, marked)?;
    let groups: Vec<&[u32]> = meetings.groups.iter().map(|group| &group[..]).collect();
    let (sets, cliques) = supports(graph, inputs, &groups);
    let distinct: HashSet<u32> = cliques.into_iter().collect();
    let mut cliques_of = vec![Vec::new(); inputs.len()];
    for &clique in &distinct {
        check(sets[clique as usize].len().saturating_pow(2))?;
        for &variable in sets[clique as usize].iter() {
            cliques_of[variable as usize].push(clique);
        }
    }
    let mut pattern = Pattern::new(inputs.len());
    let mut seen = vec![NONE; inputs.len()];
    for (variable, cliques) in cliques_of.iter().enumerate() {
        let mut row = Vec::new();
        for &clique in cliques {
            for &other in sets[clique as usize].iter() {
                if seen[other as usize] != variable as u32 {
                    seen[other as usize] = variable as u32;
                    row.push(other);
                }
            }
        }
        check(pattern.len() + row.len())?;
        row.sort_unstable();
        pattern.push(row);
    }
    Ok((pattern, rounds))
}

fn check(entries: usize) -> Result<(), Error> {
    if entries <= MOST {
        return Ok(());
    }
    Err(Error::argument(
        "sparse",
        format!("the pattern has more than {MOST} entries; the matrix is dense, use products"),
    ))
}

/// For each group of cells the union of their supports: the distinct sets, and which is each group's.
pub(super) fn supports(
    graph: &Graph,
    inputs: &[u32],
    groups: &[&[u32]],
) -> (Vec<Rc<[u32]>>, Vec<u32>) {
    let mut uses = vec![0u32; graph.len()];
    for &cell in groups.iter().copied().flatten() {
        uses[cell as usize] += 1;
    }
    for cell in (0..graph.len()).rev() {
        if uses[cell] > 0 {
            for operand in graph.operands(cell) {
                let count = &mut uses[operand.cell as usize];
                *count = count.saturating_add(1);
            }
        }
    }
    let mut supports = Supports::new(graph, inputs);
    let mut cells = Vec::new();
    for (cell, &uses) in uses.iter().enumerate() {
        let operands = graph.operands(cell);
        if uses > 1 && !operands.is_empty() {
            cells.clear();
            cells.extend(operands.iter().map(|operand| operand.cell));
            supports.set_of[cell] = supports.union(&cells);
        }
    }
    let of_groups = groups.iter().map(|group| supports.union(group)).collect();
    (supports.sets, of_groups)
}

/// The sets found so far.
struct Supports<'g> {
    graph: &'g Graph,
    /// For each cell the variable it is, if any.
    variable_of: Vec<u32>,
    /// For each cell the set it keeps, if any.
    set_of: Vec<u32>,
    sets: Vec<Rc<[u32]>>,
    known: HashMap<Rc<[u32]>, u32>,
    /// The number of the current union, and of the one in which each variable and set was last met.
    turn: u32,
    variable_met: Vec<u32>,
    set_met: Vec<u32>,
}

impl<'g> Supports<'g> {
    fn new(graph: &'g Graph, inputs: &[u32]) -> Self {
        let mut variable_of = vec![NONE; graph.len()];
        for (variable, &cell) in inputs.iter().enumerate() {
            variable_of[cell as usize] = variable as u32;
        }
        Self {
            graph,
            variable_of,
            set_of: vec![NONE; graph.len()],
            sets: Vec::new(),
            known: HashMap::new(),
            turn: 0,
            variable_met: vec![0; inputs.len()],
            set_met: Vec::new(),
        }
    }

    /// The set of all variables under some cells.
    fn union(&mut self, cells: &[u32]) -> u32 {
        self.turn += 1;
        let mut found = Vec::new();
        let mut stack = cells.to_vec();
        let (mut only, mut parts) = (NONE, 0);
        while let Some(cell) = stack.pop() {
            let (set, variable) = (self.set_of[cell as usize], self.variable_of[cell as usize]);
            if set != NONE {
                if self.set_met[set as usize] == self.turn {
                    continue;
                }
                self.set_met[set as usize] = self.turn;
                (only, parts) = (set, parts + 1);
                for &variable in self.sets[set as usize].iter() {
                    meet(&mut self.variable_met, variable, self.turn, &mut found);
                }
            } else if variable != NONE {
                parts += 1;
                meet(&mut self.variable_met, variable, self.turn, &mut found);
            } else {
                let operands = self.graph.operands(cell as usize);
                stack.extend(operands.iter().map(|operand| operand.cell));
            }
        }
        if parts == 1 && only != NONE {
            return only;
        }
        found.sort_unstable();
        self.intern(found)
    }

    /// The number of a set, which is stored if new.
    fn intern(&mut self, set: Vec<u32>) -> u32 {
        let set: Rc<[u32]> = set.into();
        let next = self.sets.len() as u32;
        let number = *self.known.entry(Rc::clone(&set)).or_insert(next);
        if number == next {
            self.sets.push(set);
            self.set_met.push(0);
        }
        number
    }
}

/// Notes a variable that was not met in this turn.
fn meet(met: &mut [u32], variable: u32, turn: u32, found: &mut Vec<u32>) {
    if met[variable as usize] != turn {
        met[variable as usize] = turn;
        found.push(variable);
    }
}
