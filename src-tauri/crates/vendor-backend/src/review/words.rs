//! What reviewers' words come to. With four eyes two of them decide; where they disagree, somebody who leads does.

use super::Decision;
use super::reviewers::Role;

/// What a reviewer said about a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) reviewer: String,
    pub(super) decision: Decision,
}

/// Whose turn is it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// This reviewer's.
    Yours,
    /// Another one's: this one has spoken.
    Spoken,
    /// Two disagree, and this reviewer does not lead.
    Disputed,
}

/// Is it this reviewer's turn, after the words that were said?
pub(super) fn turn(four_eyes: bool, said: &[Word], reviewer: &str, role: Role) -> Turn {
    if !four_eyes {
        Turn::Yours
    } else if said.iter().any(|word| word.reviewer == reviewer) {
        Turn::Spoken
    } else if said.len() > 1 && role != Role::Lead {
        Turn::Disputed
    } else {
        Turn::Yours
    }
}

/// What is decided by one more word; `None`: nothing yet.
pub(super) fn weigh(four_eyes: bool, said: &[Word], word: &Word) -> Option<Decision> {
    let one = |decision: &Decision| decision.clone();
    if !four_eyes {
        return Some(one(&word.decision));
    }
    let alike: Vec<&Word> = said.iter().filter(|other| agree(other, word)).collect();
    // The second who says the same decides; after two who disagree, anybody decides: one of them said the same.
    alike.last()?;
    let all = alike.iter().map(|word| &word.decision).chain([&word.decision]);
    all.map(one).reduce(together)
}

fn agree(a: &Word, b: &Word) -> bool {
    (a.decision == Decision::Approve) == (b.decision == Decision::Approve)
}

/// Two who say no: what either found.
fn together(first: Decision, second: Decision) -> Decision {
    match (first, second) {
        (
            Decision::Reject { mut reasons, note },
            Decision::Reject {
                reasons: more,
                note: another,
            },
        ) => {
            for reason in more {
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
            let notes: Vec<String> = [note, another].into_iter().flatten().collect();
            let note = (!notes.is_empty()).then(|| notes.join("；"));
            Decision::Reject { reasons, note }
        }
        (_, second) => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(reviewer: &str, decision: Decision) -> Word {
        Word {
            reviewer: reviewer.to_owned(),
            decision,
        }
    }

    fn no(reasons: &[&str], note: &str) -> Decision {
        Decision::Reject {
            reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
            note: (!note.is_empty()).then(|| note.to_owned()),
        }
    }

    #[test]
    fn one_word_decides_where_two_eyes_are_enough() {
        let yes = word("甲", Decision::Approve);
        assert_eq!(weigh(false, &[], &yes), Some(Decision::Approve));
        assert_eq!(turn(false, &[yes], "甲", Role::Reviewer), Turn::Yours);
    }

    #[test]
    fn with_four_eyes_two_who_agree_decide() {
        let yes = word("甲", Decision::Approve);
        assert_eq!(weigh(true, &[], &yes), None);
        let said = [yes];
        assert_eq!(turn(true, &said, "甲", Role::Lead), Turn::Spoken);
        assert_eq!(turn(true, &said, "乙", Role::Reviewer), Turn::Yours);
        assert_eq!(
            weigh(true, &said, &word("乙", Decision::Approve)),
            Some(Decision::Approve)
        );
        let said = [word("甲", no(&["ears-covered"], "右耳"))];
        let second = word("乙", no(&["blurred", "ears-covered"], "看不清"));
        assert_eq!(
            weigh(true, &said, &second),
            Some(no(&["ears-covered", "blurred"], "右耳；看不清"))
        );
    }

    #[test]
    fn two_who_disagree_wait_for_somebody_who_leads() {
        let said = [word("甲", Decision::Approve), word("乙", no(&["blurred"], ""))];
        assert_eq!(weigh(true, &said[..1], &said[1]), None);
        assert_eq!(turn(true, &said, "丙", Role::Reviewer), Turn::Disputed);
        assert_eq!(turn(true, &said, "乙", Role::Lead), Turn::Spoken);
        assert_eq!(turn(true, &said, "丙", Role::Lead), Turn::Yours);
        assert_eq!(
            weigh(true, &said, &word("丙", Decision::Approve)),
            Some(Decision::Approve)
        );
        assert_eq!(
            weigh(true, &said, &word("丙", no(&["light"], ""))),
            Some(no(&["blurred", "light"], ""))
        );
    }
}
