//! Which passes a live frame gets: cheap ones always, dear ones where a cheap one saw something, and never
//! more than a frame may cost.
//!
//! There is no clock in here. Whoever runs the passes says what they found and how long they took.

use std::time::Duration;

/// No pass is begun that would probably end later than this after its frame. The target is 100 ms for the
/// worst frame; what is left is for a pass that takes longer than it did before.
const MOST_A_FRAME: Duration = Duration::from_millis(75);

/// While nothing is seen, the frames go by in rounds of this many: a glance in the first, in the second and the
/// fifth a search all the same (what blur hides from the glance, the search may find), and in the others the
/// first reader alone: most frames stay cheap.
const ROUND: u32 = 7;

/// Frames a symbol is followed after it was last located: a third of a second.
const FOLLOW: u32 = 10;

/// What is known of a symbol's place from the frames before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Track {
    /// Nothing.
    Lost,
    /// There is one; frames left until it counts as gone.
    Followed(u32),
}

/// A pass over a frame, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// zxing-cpp over the whole frame, dark on light and in its own size only.
    First,
    /// Our reader on an outline of the first pass.
    Outline,
    /// Our reader where the symbol of the frames before must be.
    Follow,
    /// A glance for finder patterns at half the size.
    Glance,
    /// zxing-cpp with everything it can try.
    Full,
    /// The search for finder patterns all over the frame.
    Search,
    /// Our reader on the next likely symbol of the search.
    Likely,
    /// zxing-cpp at twice the size where a symbol is.
    Double,
    /// rqrr.
    Third,
}

const PASSES: usize = 9;

/// What is known of the frame so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// A code was read.
    pub(crate) read: bool,
    /// Outlines of the first pass that were not tried yet.
    pub(crate) outlines: usize,
    /// Likely symbols of the search that were not tried yet.
    pub(crate) likely: usize,
    /// The glance saw finder patterns.
    pub(crate) glanced: bool,
    /// A symbol was located in this frame.
    pub(crate) located: bool,
}

/// Decides the passes of one frame after the other.
#[derive(Debug)]
pub(crate) struct Planner {
    /// What each pass took of late.
    costs: [Duration; PASSES],
    /// Passes of this frame that were run or passed over.
    done: [bool; PASSES],
    track: Track,
    /// Frames in a row without anything read.
    unread: u32,
}

impl Default for Planner {
    fn default() -> Self {
        Self {
            costs: [Duration::ZERO; PASSES],
            done: [false; PASSES],
            track: Track::Lost,
            unread: 0,
        }
    }
}

impl Planner {
    /// A new frame begins.
    pub(crate) fn begin(&mut self) {
        self.done = [false; PASSES];
    }

    /// The next pass when `spent` has gone by since the frame began; nothing when the frame is done.
    pub(crate) fn next(&mut self, facts: Facts, spent: Duration) -> Option<Pass> {
        if facts.read {
            return None;
        }
        let following = self.follows();
        let lost = !facts.located;
        let seen = lost && (facts.glanced || following);
        let (glance, search) = (
            self.unread.is_multiple_of(ROUND),
            matches!(self.unread % ROUND, 1 | 4),
        );
        let wanted = [
            (Pass::First, following || glance),
            (Pass::Outline, facts.outlines > 0),
            (Pass::Follow, following),
            (Pass::Glance, lost && (glance || search || following)),
            (Pass::Full, seen || lost && !glance && !following),
            (Pass::Outline, facts.outlines > 0),
            (Pass::Search, seen || lost && search),
            (Pass::Likely, facts.likely > 0),
            (Pass::Double, seen && self.unread.is_multiple_of(2)),
            (Pass::Third, seen && !self.unread.is_multiple_of(2)),
        ];
        for (pass, wanted) in wanted {
            let slot = pass as usize;
            if !wanted || self.done[slot] {
                continue;
            }
            if !matches!(pass, Pass::First | Pass::Full) && spent + self.costs[slot] > MOST_A_FRAME {
                // What once took very long is tried again some day.
                self.costs[slot] = self.costs[slot] * 9 / 10;
                self.done[slot] = true;
                continue;
            }
            self.done[slot] = !matches!(pass, Pass::Outline | Pass::Likely);
            return Some(pass);
        }
        None
    }

    /// Whether the place of the frames before is still followed.
    pub(crate) fn follows(&self) -> bool {
        self.track != Track::Lost
    }

    /// A pass took this long.
    pub(crate) fn took(&mut self, pass: Pass, time: Duration) {
        let cost = &mut self.costs[pass as usize];
        *cost = time.max((*cost * 3 + time) / 4);
    }

    /// The frame is over.
    pub(crate) fn end(&mut self, facts: Facts) {
        self.unread = if facts.read { 0 } else { self.unread + 1 };
        self.track = match self.track {
            _ if facts.located || facts.read => Track::Followed(FOLLOW),
            Track::Followed(left) if left > 1 => Track::Followed(left - 1),
            _ => Track::Lost,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(2);

    /// Runs a frame in which every pass takes its time and finds what `finds` says; returns the passes.
    fn frame(
        planner: &mut Planner,
        times: impl Fn(Pass) -> Duration,
        finds: impl Fn(Pass, &mut Facts),
    ) -> (Vec<Pass>, Duration) {
        let (mut facts, mut spent, mut passes) = (Facts::default(), Duration::ZERO, Vec::new());
        planner.begin();
        while let Some(pass) = planner.next(facts, spent) {
            match pass {
                Pass::Outline => facts.outlines -= 1,
                Pass::Likely => facts.likely -= 1,
                _ => {}
            }
            finds(pass, &mut facts);
            spent += times(pass);
            planner.took(pass, times(pass));
            passes.push(pass);
            assert!(passes.len() < 50, "a frame comes to an end");
        }
        planner.end(facts);
        (passes, spent)
    }

    fn nothing(_: Pass, _: &mut Facts) {}

    #[test]
    fn a_code_the_first_pass_reads_costs_nothing_else() {
        let read = |_: Pass, facts: &mut Facts| facts.read = true;
        let (passes, _) = frame(&mut Planner::default(), |_| QUICK, read);
        assert_eq!(passes, [Pass::First]);
    }

    #[test]
    fn an_empty_booth_gets_the_cheap_passes_in_turn_and_a_search_now_and_then() {
        let mut planner = Planner::default();
        let frames: Vec<Vec<Pass>> = (0..240)
            .map(|_| frame(&mut planner, |_| QUICK, nothing).0)
            .collect();
        let dear = |passes: &&Vec<Pass>| {
            passes
                .iter()
                .any(|pass| matches!(pass, Pass::Search | Pass::Likely | Pass::Double | Pass::Third))
        };
        assert_eq!(frames.iter().filter(dear).count(), 69, "two in seven");
        let alone = frames
            .iter()
            .filter(|passes| passes.as_slice() == [Pass::Full])
            .count();
        assert!(alone > 120, "most frames get one pass: {alone} of 240");
        assert!(
            frames
                .iter()
                .all(|passes| passes.contains(&Pass::First) || passes.contains(&Pass::Full))
        );
    }

    #[test]
    fn what_a_glance_sees_is_searched_for_in_the_same_frame() {
        let sees = |pass: Pass, facts: &mut Facts| match pass {
            Pass::Glance => facts.glanced = true,
            Pass::Search => facts.likely = 3,
            _ => {}
        };
        let (passes, _) = frame(&mut Planner::default(), |_| QUICK, sees);
        let expected = [
            Pass::First,
            Pass::Glance,
            Pass::Full,
            Pass::Search,
            Pass::Likely,
            Pass::Likely,
            Pass::Likely,
            Pass::Double,
        ];
        assert_eq!(passes, expected);
    }

    #[test]
    fn a_located_symbol_is_followed_until_it_is_lost() {
        let mut planner = Planner::default();
        let locates = |pass: Pass, facts: &mut Facts| {
            facts.outlines = usize::from(pass == Pass::First);
            if pass == Pass::Outline {
                facts.located = true;
            }
        };
        frame(&mut planner, |_| QUICK, locates);
        for _ in 0..FOLLOW {
            let (passes, _) = frame(&mut planner, |_| QUICK, nothing);
            assert!(passes.contains(&Pass::Follow));
        }
        let (passes, _) = frame(&mut planner, |_| QUICK, nothing);
        assert!(!passes.contains(&Pass::Follow));
    }

    #[test]
    fn a_frame_never_costs_more_than_its_limit_and_one_pass() {
        let all = |pass: Pass, facts: &mut Facts| {
            facts.glanced = true;
            if pass == Pass::Search {
                facts.likely = 8;
            }
        };
        for slow in [5, 20, 50] {
            let time = |pass: Pass| match pass {
                Pass::First | Pass::Full => Duration::from_millis(3),
                _ => Duration::from_millis(slow),
            };
            let mut planner = Planner::default();
            for number in 0..50 {
                let (_, spent) = frame(&mut planner, time, all);
                let most = MOST_A_FRAME + Duration::from_millis(slow);
                assert!(spent <= most, "{spent:?} in frame {number} with {slow} ms a pass");
            }
        }
    }

    #[test]
    fn a_pass_that_once_took_very_long_is_tried_again() {
        let mut planner = Planner::default();
        let sees = |_: Pass, facts: &mut Facts| facts.glanced = true;
        let stalls = |pass: Pass| {
            if pass == Pass::Search {
                Duration::from_millis(400)
            } else {
                QUICK
            }
        };
        frame(&mut planner, stalls, sees);
        let searched = (0..60).filter(|_| frame(&mut planner, |_| QUICK, sees).0.contains(&Pass::Search));
        assert!(searched.count() > 10);
    }

    #[test]
    fn the_dear_readers_take_turns() {
        let mut planner = Planner::default();
        let sees = |_: Pass, facts: &mut Facts| facts.glanced = true;
        let frames: Vec<Vec<Pass>> = (0..10).map(|_| frame(&mut planner, |_| QUICK, sees).0).collect();
        for passes in &frames {
            assert!(passes.contains(&Pass::Double) != passes.contains(&Pass::Third));
        }
    }
}
