//! What other libraries make of our files: OpenTimelineIO and its adapters, pycmx, ffcine-import.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use emam_core::model::{Item, Sequence, TrackKind};
use emam_core::time::Timecode;
use emam_core::timeline::format::{Format, WriteOptions};
use emam_test_support::skip;
use emam_timeline_tests::tools::{Model, models, python, run, script};
use emam_timeline_tests::view::{Placed, placed};
use serde_json::Value;

/// The program that reads with ffcine-import, or a loud skip.
// Tests have no configuration but the environment.
#[allow(clippy::disallowed_methods)]
fn ffcine(test: &str) -> Option<PathBuf> {
    let program = std::env::var_os("EMAM_TEST_PEER").filter(|program| !program.is_empty());
    if program.is_none() {
        skip(&format!("{test}: EMAM_TEST_PEER does not name the program of tests/peer"));
    }
    program.map(PathBuf::from)
}

/// A clip as a peer sees it: the number of its video track, its first frame and its frames.
type Seen = (u64, i64, i64);

/// Counted from the first clip: programs differ in where they let a timeline begin.
fn from_first(mut clips: Vec<Seen>) -> Vec<Seen> {
    clips.sort_unstable();
    let first = clips.iter().map(|clip| clip.1).min().unwrap_or(0);
    clips.iter_mut().for_each(|clip| clip.1 -= first);
    clips
}

/// The video clips of a sequence, of the first track only where the format has no more, each with
/// the place `place` gives it.
fn truth(
    sequence: &Sequence,
    format: Format,
    place: impl Fn(&Placed<'_>) -> (i64, i64),
) -> Vec<Seen> {
    let tracks = sequence.tracks.iter().filter(|track| track.kind == TrackKind::Video);
    let tracks = tracks.take(if format == Format::Edl { 1 } else { usize::MAX });
    let clips = (0_u64..).zip(tracks).flat_map(|(number, track)| {
        let placed = placed(track).into_iter().filter(|placed| {
            // An EDL has no clips that are off.
            placed.item.as_clip().is_some_and(|clip| clip.enabled || format != Format::Edl)
        });
        placed.map(|placed| (number, place(&placed))).collect::<Vec<_>>()
    });
    from_first(clips.map(|(number, (start, end))| (number, start, end - start)).collect())
}

/// Where a clip is.
fn as_placed(placed: &Placed<'_>) -> (i64, i64) {
    (placed.start, placed.end)
}

/// Where an event is: it takes the whole of the transition at its head.
fn as_event(placed: &Placed<'_>) -> (i64, i64) {
    (placed.start - placed.head, placed.end - placed.tail)
}

fn is_uneven(item: &Item) -> bool {
    matches!(item, Item::Transition(transition) if transition.in_offset != transition.out_offset)
}

/// A model written to a file.
struct Sample {
    model: Model,
    sequence: Sequence,
    path: String,
    rate: String,
}

fn written(format: Format, folder: &Path) -> Option<Vec<Sample>> {
    let samples = models()?.into_iter().map(|model| {
        let cut = model.cut();
        let text = format.write(&cut.document(), &WriteOptions::default()).unwrap();
        let path = folder.join(format!("{}.{}", model.name, format.extension()));
        std::fs::write(&path, text.text()).unwrap();
        let (sequence, path) = (cut.sequence, path.to_str().unwrap().to_owned());
        let rate = sequence.rate.to_string();
        Sample { model, sequence, path, rate }
    });
    Some(samples.collect())
}

/// What Python's readers see of each sample.
fn in_python(python: &Path, samples: &[Sample]) -> Vec<Value> {
    let mut command = Command::new(python);
    command.arg(script("read_peers.py"));
    command.args(samples.iter().flat_map(|sample| [&sample.path, &sample.rate]));
    let printed: Value = serde_json::from_str(&run(&mut command)).unwrap();
    printed.as_array().unwrap().clone()
}

/// What OpenTimelineIO sees, or why it sees nothing.
fn seen_by_otio(told: &Value) -> Result<Vec<Seen>, String> {
    let clips = told["otio"].as_array().ok_or_else(|| told["otio"].to_string())?;
    let clips = clips.iter().map(|clip| {
        (clip[0].as_u64().unwrap(), clip[2].as_i64().unwrap(), clip[3].as_i64().unwrap())
    });
    Ok(from_first(clips.collect()))
}

fn seen_by_ffcine(program: &Path, sample: &Sample) -> Vec<Seen> {
    let printed = run(Command::new(program).args(["list", &sample.path, &sample.rate]));
    let told: Value = serde_json::from_str(&printed).unwrap();
    let frames = |seconds: &Value| {
        let rate = sample.sequence.rate;
        (seconds.as_f64().unwrap() * rate.as_f64()).round() as i64
    };
    let clips = told["clips"].as_array().unwrap().iter().filter(|clip| clip[0] == "Video");
    from_first(
        clips
            .map(|clip| {
                let (start, end) = (frames(&clip[3]), clip[3].as_f64().unwrap());
                let end = frames(&Value::from(end + clip[4].as_f64().unwrap()));
                (clip[1].as_u64().unwrap(), start, end - start)
            })
            .collect(),
    )
}

#[track_caller]
fn none_wrong(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn compare(
    name: &str,
    peer: &str,
    seen: Result<Vec<Seen>, String>,
    truth: &[Seen],
    wrong: &mut Vec<String>,
) {
    let seen = match seen {
        Ok(seen) => seen,
        Err(why) => return wrong.push(format!("{name} in {peer}: {why}")),
    };
    if seen != truth {
        let at = seen.iter().zip(truth).position(|(seen, truth)| seen != truth);
        let at = at.unwrap_or(seen.len().min(truth.len()));
        wrong.push(format!(
            "{name} in {peer}: {} clips of {}, the first that differs: {:?}, in truth {:?}",
            seen.len(),
            truth.len(),
            seen.get(at),
            truth.get(at)
        ));
    }
}

#[test]
fn opentimelineio_sees_every_clip_of_an_otio_where_it_is() {
    let test = "opentimelineio_sees_every_clip_of_an_otio_where_it_is";
    let Some(python) = python(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(samples) = written(Format::Otio, folder.path()) else { return };
    let mut wrong = Vec::new();
    for (sample, told) in samples.iter().zip(in_python(&python, &samples)) {
        let truth = truth(&sample.sequence, Format::Otio, as_placed);
        compare(&sample.model.name, "OpenTimelineIO", seen_by_otio(&told), &truth, &mut wrong);
    }
    none_wrong(&wrong);
}

#[test]
fn ffcine_sees_every_clip_of_an_otio_where_it_is() {
    let Some(ffcine) = ffcine("ffcine_sees_every_clip_of_an_otio_where_it_is") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(samples) = written(Format::Otio, folder.path()) else { return };
    let mut wrong = Vec::new();
    for sample in &samples {
        let truth = truth(&sample.sequence, Format::Otio, as_placed);
        let seen = seen_by_ffcine(&ffcine, sample);
        compare(&sample.model.name, "ffcine", Ok(seen), &truth, &mut wrong);
    }
    none_wrong(&wrong);
}

#[test]
fn the_adapter_for_xml_sees_every_clip_where_it_is() {
    let test = "the_adapter_for_xml_sees_every_clip_where_it_is";
    let Some(python) = python(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(samples) = written(Format::Xmeml, folder.path()) else { return };
    let mut wrong = Vec::new();
    for (sample, told) in samples.iter().zip(in_python(&python, &samples)) {
        // The adapter moves a cut to the middle of its transition.
        if sample.sequence.tracks.iter().flat_map(|track| &track.items).any(is_uneven) {
            continue;
        }
        let truth = truth(&sample.sequence, Format::Xmeml, as_placed);
        compare(&sample.model.name, "fcp_xml", seen_by_otio(&told), &truth, &mut wrong);
    }
    none_wrong(&wrong);
}

#[test]
fn ffcine_sees_every_clip_of_an_xml_where_it_is() {
    let Some(ffcine) = ffcine("ffcine_sees_every_clip_of_an_xml_where_it_is") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(samples) = written(Format::Xmeml, folder.path()) else { return };
    let mut wrong = Vec::new();
    for sample in &samples {
        // It takes every transition for one that lies evenly on its cut.
        if sample.sequence.tracks.iter().flat_map(|track| &track.items).any(is_uneven) {
            continue;
        }
        let truth = truth(&sample.sequence, Format::Xmeml, as_placed);
        let seen = seen_by_ffcine(&ffcine, sample);
        compare(&sample.model.name, "ffcine", Ok(seen), &truth, &mut wrong);
    }
    none_wrong(&wrong);
}

#[test]
fn the_adapter_for_edls_and_pycmx_see_every_event_where_it_is() {
    let test = "the_adapter_for_edls_and_pycmx_see_every_event_where_it_is";
    let Some(python) = python(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(samples) = written(Format::Edl, folder.path()) else { return };
    let mut wrong = Vec::new();
    for (sample, told) in samples.iter().zip(in_python(&python, &samples)) {
        let name = &sample.model.name;
        let events = truth(&sample.sequence, Format::Edl, as_event);
        // The adapter puts the cut of a dissolve elsewhere, takes other speeds for lengths, and
        // knows one rate.
        if !["trans", "speed", "mixrate"].iter().any(|feature| sample.model.has(feature)) {
            compare(name, "cmx_3600", seen_by_otio(&told), &events, &mut wrong);
        }
        let rate = sample.sequence.rate;
        let frame = |text: &Value| {
            let text = text.as_str().unwrap();
            Timecode::parse(text, rate).unwrap_or_else(|error| panic!("{text}: {error}")).frames()
        };
        let edits = told["pycmx"].as_array().unwrap().iter();
        let edits = edits.map(|edit| (0, frame(&edit[0]), frame(&edit[1]) - frame(&edit[0])));
        // The first line of a dissolve says where it comes from, and takes no time.
        let edits = from_first(edits.filter(|edit| edit.2 > 0).collect());
        compare(name, "pycmx", Ok(edits), &events, &mut wrong);
    }
    none_wrong(&wrong);
}

#[test]
fn ffcine_sees_every_event_of_an_edl_where_it_is() {
    let Some(ffcine) = ffcine("ffcine_sees_every_event_of_an_edl_where_it_is") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(samples) = written(Format::Edl, folder.path()) else { return };
    let mut wrong = Vec::new();
    for sample in &samples {
        let truth = truth(&sample.sequence, Format::Edl, as_event);
        let seen = seen_by_ffcine(&ffcine, sample);
        compare(&sample.model.name, "ffcine", Ok(seen), &truth, &mut wrong);
    }
    none_wrong(&wrong);
}
