use super::*;
use crate::log::SegmentBuilder;
use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const CATEGORIES: [&str; 3] = ["console", "network", "system"];

fn session_id() -> SessionId {
    SessionId::from_time(5, [1; 10])
}

fn write(builder: &mut SegmentBuilder, category: &str, first_seq: u64, count: u32) {
    let last_seq = first_seq + u64::from(count) - 1;
    if count == 1 {
        let line = format!(
            r#"{{"capture_session_id":"{}","seq":{first_seq},"event":{{"ts":1,"type":"a.b","category":"{category}","detail_level":"standard","source":{{"kind":"extension"}}}}}}"#,
            session_id()
        );
        builder.lines().extend_from_slice(line.as_bytes());
    } else {
        let gap = Gap::new(first_seq..=last_seq, category, "queue_full");
        LineWriter::new(session_id()).gap(builder.lines(), &gap);
    }
    builder.end_line(first_seq, last_seq);
}

/// A log: per commit, the records (category, how many seqs) in it.
fn logs(commits: &[Vec<(usize, u32)>]) -> (Vec<Vec<Segment>>, u64) {
    let (mut by_category, mut seq) = (vec![Vec::new(); CATEGORIES.len()], 0);
    for commit in commits {
        let mut builders: [SegmentBuilder; 3] = Default::default();
        for (category, count) in commit {
            write(&mut builders[*category], CATEGORIES[*category], seq + 1, *count);
            seq += u64::from(*count);
        }
        for (category, builder) in builders
            .iter_mut()
            .enumerate()
            .filter(|(_, builder)| !builder.is_empty())
        {
            by_category[category].push(builder.seal(CATEGORIES[category]));
        }
    }
    (by_category, seq)
}

fn names() -> Vec<String> {
    CATEGORIES.map(str::to_owned).to_vec()
}

/// Runs a merge, giving it one segment a question; `None` is a segment that cannot be read.
fn run(
    mut merge: Merge,
    by_category: &[Vec<(u64, Option<Segment>)>],
    backward: bool,
) -> (Vec<Entry>, Vec<Damage>) {
    let mut by_category: Vec<VecDeque<_>> = by_category
        .iter()
        .map(|segments| segments.iter().cloned().collect())
        .collect();
    let mut entries = Vec::new();
    loop {
        match merge.step() {
            Step::Entry(entry) => entries.push(entry),
            Step::End => return (entries, merge.into_damage()),
            Step::NeedSegment(index) => {
                let next = if backward {
                    by_category[index].pop_back()
                } else {
                    by_category[index].pop_front()
                };
                match next {
                    Some((_, Some(segment))) => merge.push(index, segment),
                    Some((first_seq, None)) => merge.push_damaged(index, first_seq, "torn".to_owned()),
                    None => merge.end(index),
                }
            }
        }
    }
}

fn seqs(entries: &[Entry]) -> Vec<(u64, u64)> {
    entries
        .iter()
        .map(|entry| (entry.first_seq(), entry.last_seq()))
        .collect()
}

fn whole(by_category: &[Vec<Segment>]) -> Vec<Vec<(u64, Option<Segment>)>> {
    let keep = |segment: &Segment| (segment.first_seq(), Some(segment.clone()));
    by_category
        .iter()
        .map(|segments| segments.iter().map(keep).collect())
        .collect()
}

fn any_commits() -> impl Strategy<Value = Vec<Vec<(usize, u32)>>> {
    let record = (0..CATEGORIES.len(), prop_oneof![4 => Just(1_u32), 1 => 2..6_u32]);
    prop::collection::vec(prop::collection::vec(record, 1..8), 1..8)
}

/// Generates the states of segments: whole, unreadable, or missing.
fn any_fates() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => Just(1), 1 => Just(2)], 24)
}

fn ravaged(by_category: &[Vec<Segment>], fates: &[u8]) -> Vec<Vec<(u64, Option<Segment>)>> {
    let mut fates = fates.iter().copied().cycle();
    let mut fate = || fates.next().unwrap_or(0);
    let by_category = whole(by_category).into_iter().map(|segments| {
        let survivors = segments
            .into_iter()
            .filter_map(|(first_seq, segment)| match fate() {
                0 => Some((first_seq, segment)),
                1 => Some((first_seq, None)),
                _ => None,
            });
        survivors.collect()
    });
    by_category.collect()
}

proptest! {
    #[test]
    fn every_record_comes_out_once_in_order_of_seq(commits in any_commits()) {
        let (by_category, latest_seq) = logs(&commits);
        let expected: Vec<_> = commits.iter().flatten().scan(0, |seq, (_, count)| {
            let first_seq = *seq + 1;
            *seq += u64::from(*count);
            Some((first_seq, *seq))
        }).collect();
        let (entries, damage) = run(Merge::forward(session_id(), &names(), 0, latest_seq), &whole(&by_category), false);
        prop_assert_eq!(seqs(&entries), expected.clone());
        prop_assert_eq!(damage, vec![]);
        let (entries, _) = run(Merge::backward(session_id(), &names(), latest_seq), &whole(&by_category), true);
        prop_assert_eq!(seqs(&entries), expected.into_iter().rev().collect::<Vec<_>>());
    }

    #[test]
    fn every_seq_is_covered_once_whatever_is_lost(commits in any_commits(), fates in any_fates(), cursor in 0_u64..40) {
        let (by_category, latest_seq) = logs(&commits);
        let after_seq = cursor.min(latest_seq);
        let by_category = ravaged(&by_category, &fates);
        let (entries, _) = run(Merge::forward(session_id(), &names(), after_seq, latest_seq), &by_category, false);
        let mut next_seq = after_seq + 1;
        for entry in &entries {
            prop_assert_eq!(entry.first_seq(), next_seq);
            next_seq = entry.last_seq() + 1;
        }
        prop_assert_eq!(next_seq, latest_seq + 1);

        let (backward, _) = run(Merge::backward(session_id(), &names(), latest_seq), &by_category, true);
        let mut previous = latest_seq;
        for entry in &backward {
            prop_assert_eq!(entry.last_seq(), previous);
            previous = entry.first_seq() - 1;
        }
        prop_assert_eq!(previous, 0);
    }

    #[test]
    fn what_survives_is_never_taken_for_lost(commits in any_commits(), fates in any_fates()) {
        let (by_category, latest_seq) = logs(&commits);
        let by_category = ravaged(&by_category, &fates);
        let survivors: usize = by_category.iter().flatten().filter_map(|(_, segment)| segment.as_ref()).map(|s| s.rows.len()).sum();
        let lost = |entry: &Entry| matches!(entry, Entry::Gap(gap) if gap.gap.reason != "queue_full");
        for backward in [false, true] {
            let merge = if backward {
                Merge::backward(session_id(), &names(), latest_seq)
            } else {
                Merge::forward(session_id(), &names(), 0, latest_seq)
            };
            let (entries, _) = run(merge, &by_category, backward);
            prop_assert_eq!(entries.iter().filter(|entry| !lost(entry)).count(), survivors);
        }
    }
}

#[test]
fn the_holes_of_an_unreadable_segment_are_its_own() {
    // console 1, network 2, console 3 | console 4, network 5 | network 6
    let (by_category, latest_seq) = logs(&[vec![(0, 1), (1, 1), (0, 1)], vec![(0, 1), (1, 1)], vec![(1, 1)]]);
    let mut torn = whole(&by_category);
    torn[0][0].1 = None;
    let (entries, damage) = run(
        Merge::forward(session_id(), &names(), 0, latest_seq),
        &torn,
        false,
    );
    assert_eq!(seqs(&entries), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6)]);
    assert_eq!(damage.len(), 1);
    assert_eq!(
        (damage[0].first_seq, &damage[0].gaps[..]),
        (1, &[(1, 1), (3, 3)][..])
    );
    assert!(damage[0].complete);
    for entry in [&entries[0], &entries[2]] {
        assert!(
            matches!(entry, Entry::Gap(gap) if gap.gap.category == "console" && gap.gap.reason == CORRUPT)
        );
    }
}

#[test]
fn a_cursor_inside_a_gap_gets_the_rest_of_it() {
    let (by_category, latest_seq) = logs(&[vec![(0, 5), (1, 1)]]);
    let (entries, _) = run(
        Merge::forward(session_id(), &names(), 3, latest_seq),
        &whole(&by_category),
        false,
    );
    assert_eq!(seqs(&entries), [(4, 5), (6, 6)]);
    assert!(matches!(&entries[0], Entry::Gap(gap) if gap.gap.reason == "queue_full"));
}

#[test]
fn a_line_that_is_no_record_is_one_gap_among_its_neighbours() {
    let mut builder = SegmentBuilder::default();
    for seq in 1..=3 {
        write(&mut builder, "console", seq, 1);
    }
    let mut segment = builder.seal("console");
    let mut lines = segment.lines.to_vec();
    lines[segment.rows[0].end as usize] = b'!';
    segment.lines = bytes::Bytes::from(lines);
    let mut merge = Merge::forward(session_id(), &["console".to_owned()], 0, 3);
    merge.push(0, segment);
    merge.end(0);
    let entries: Vec<_> = std::iter::from_fn(|| match merge.step() {
        Step::Entry(entry) => Some(entry),
        _ => None,
    })
    .collect();
    assert_eq!(seqs(&entries), [(1, 1), (2, 2), (3, 3)]);
    assert!(matches!(&entries[1], Entry::Gap(gap) if gap.gap.reason == CORRUPT));
    assert_eq!(merge.into_damage().len(), 1);
}
