//! Owns small regression trees: what pairs and triples of inputs add to a confidence, which no sum of lines can say.

use super::confidence::INPUTS;

/// In bounds and in what is added, so that a tree is what the fit printed, to the last bit.
const THOUSAND: f32 = 1000.0;

/// Asks three things of the inputs and adds one of eight values.
#[derive(Clone, Copy, Debug)]
pub struct Tree {
    /// Places of the inputs that are looked at.
    pub inputs: [u8; 3],
    /// Thousandths that they reach or not.
    pub bounds: [i16; 3],
    /// Thousandths that are added: the first answer is the highest of the place's three bits.
    pub adds: [i16; 8],
}

impl Tree {
    /// Which of the eight values the inputs choose.
    pub fn leaf(&self, inputs: &[f32; INPUTS]) -> usize {
        self.inputs.iter().zip(self.bounds).fold(0, |place, (input, bound)| {
            place * 2 + usize::from(inputs[usize::from(*input)] * THOUSAND >= f32::from(bound))
        })
    }

    /// What trees add together.
    pub fn sum(trees: &[Tree], inputs: &[f32; INPUTS]) -> f32 {
        let sum: i32 = trees.iter().map(|tree| i32::from(tree.adds[tree.leaf(inputs)])).sum();
        sum as f32 / THOUSAND
    }
}

/// A tree in one line of the table.
pub(crate) const fn tree(inputs: [u8; 3], bounds: [i16; 3], adds: [i16; 8]) -> Tree {
    Tree { inputs, bounds, adds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_adds_the_value_of_the_bounds_that_are_reached() {
        let trees = [tree([0, 1, 2], [500, 250, 0], [0, 1, 2, 3, 4, 5, 6, 7]); 2];
        let mut inputs = [0.0; INPUTS];
        inputs[..3].copy_from_slice(&[0.5, 0.2, -1.0]);
        assert_eq!((trees[0].leaf(&inputs), Tree::sum(&trees, &inputs)), (4, 0.008));
        inputs[1..3].copy_from_slice(&[0.25, 0.0]);
        assert_eq!((trees[0].leaf(&inputs), Tree::sum(&trees, &inputs)), (7, 0.014));
    }
}
