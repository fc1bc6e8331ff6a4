//! How a set of deliveries goes wrong on its way: duplicated and reordered, the same way for the same seed.

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// What happens to a set of deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    /// How many of a thousand are delivered twice.
    pub duplicated_permille: u32,
    /// Each delivery may move by fewer places than this; 0 and 1 keep the order.
    pub reordered_within: usize,
    /// How many are on their way at once.
    pub in_flight_max: usize,
}

impl Default for Plan {
    fn default() -> Self {
        Self { seed: 1, duplicated_permille: 0, reordered_within: 0, in_flight_max: 64 }
    }
}

impl Plan {
    /// The indices of `count` things in the order of their deliveries.
    pub fn deliveries(&self, count: usize) -> Vec<usize> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut order = Vec::with_capacity(count + count / 8);
        for index in 0..count {
            order.push(index);
            if rng.random_range(0..1000) < self.duplicated_permille {
                order.push(index);
            }
        }
        if self.reordered_within > 1 {
            order.chunks_mut(self.reordered_within).for_each(|chunk| chunk.shuffle(&mut rng));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_deliveries_each_time_and_loses_none() {
        let plan = Plan { seed: 7, duplicated_permille: 200, reordered_within: 5, in_flight_max: 1 };
        let order = plan.deliveries(1000);
        assert_eq!(order, plan.deliveries(1000));
        assert_ne!(order, Plan { seed: 8, ..plan }.deliveries(1000));
        assert!((1100..1300).contains(&order.len()), "{}", order.len());
        assert!((0..1000).all(|index| order.contains(&index)));
        assert!(order.windows(2).any(|pair| pair[0] > pair[1]));
    }

    #[test]
    fn the_default_changes_nothing() {
        assert_eq!(Plan::default().deliveries(3), [0, 1, 2]);
    }
}
