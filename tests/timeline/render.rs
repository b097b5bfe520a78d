//! Sequences rendered with ffmpeg: every frame of the output is read and compared.
//!
//! The pictures of the media are bars that spell the number of the frame and of the film, so that
//! what is seen in a frame of the output is known from its brightness alone, mixtures included.

// This is test code: a panic is how it speaks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod footage;

use std::path::Path;

use emam_core::Library;
use emam_core::backend::{BurnIn, RenderFormat};
use emam_core::clock::SystemClock;
use emam_core::error::ErrorKind;

use emam_core::model::{AssetSource, Clip, ClipSource, Item, Marker, TrackKind};
use emam_core::time::{MediaTime, Rate, TimeRange};
use emam_core::timeline::format::{Target, file_url};
use emam_core::workflow::{ConsolidateOptions, CopyMode, RenderOptions, Rendered};
use emam_test_support::media::make;

use footage::*;

#[tokio::test(flavor = "multi_thread")]
async fn cuts_speeds_and_dissolves_show_the_right_frame_every_time() {
    let bench = Bench::new().await;
    let one_film = bench.film(1, "25", 200, &[]).await;
    let two_film = bench.film(2, "25", 200, &[]).await;
    let items = vec![
        item(one_film, 37, 20),          // 0..20
        item(two_film, 101, 13),         // 20..33
        gap(5),                          // 33..38
        fast(one_film, 10, 20, (2, 1)),  // 38..58
        fast(two_film, 10, 21, (1, 2)),  // 58..79
        fast(one_film, 60, 15, (-1, 1)), // 79..94
        fast(two_film, 60, 16, (-3, 2)), // 94..110
        fast(one_film, 77, 12, (0, 1)),  // 110..122
        item(two_film, 50, 20),          // 122..142
        dissolve(4, 5),
        item(one_film, 120, 20), // 142..162
        dissolve(6, 0),          // to black
    ];
    let cut = bench.cut(Rate::FPS_25, vec![(TrackKind::Video, items)]).await;
    let want = |frame: i64| match frame {
        0..20 => one(1, 37 + frame),
        20..33 => one(2, 101 + frame - 20),
        33..38 => vec![],
        38..58 => one(1, 10 + 2 * (frame - 38)),
        58..79 => one(2, 10 + (frame - 58) / 2),
        79..94 => one(1, 60 + 14 - (frame - 79)),
        94..110 => one(2, 60 + (15 - (frame - 94)) * 3 / 2),
        110..122 => one(1, 77),
        122..138 => one(2, 50 + frame - 122),
        138..147 => {
            let share = (frame - 137) as f64 / 10.0;
            vec![(2, 50 + frame - 122, 1.0 - share), (1, 120 + frame - 142, share)]
        }
        147..156 => one(1, 120 + frame - 142),
        _ => vec![(1, 120 + frame - 142, 1.0 - (frame - 155) as f64 / 7.0)],
    };
    let rendered = bench.expect(&cut, "cut.mp4", want).await;
    assert_eq!((rendered.frames, rendered.copied, rendered.issues.len()), (162, false, 0));

    // Ranges with handles are the same frames; ProRes shows them as well.
    let range = |start, duration| TimeRange::new(start, duration, Rate::FPS_25).unwrap();
    let options = RenderOptions::default()
        .with_format(RenderFormat::Mezzanine)
        .with_range(range(82, 20))
        .with_range(range(140, 4))
        .with_handles(3);
    let rendered = bench.render(&cut, "part.mov", options).await.unwrap();
    assert_eq!((rendered.frames, rendered.timecode.as_deref()), (36, Some("00:00:03:04")));
    compare(&bench.path("part.mov"), 36, |frame| {
        want(if frame < 26 { 79 + frame } else { 137 + frame - 26 })
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn tracks_nested_sequences_and_other_rates_are_flattened() {
    let bench = Bench::new().await;
    let film = bench.film(1, "24000/1001", 200, &[]).await;
    let pal = bench.film(2, "25", 200, &[]).await;
    let slow = |start, duration| Item::Clip(clip(film, start, Rate::FPS_23_976, duration));
    let inner = bench
        .cut(Rate::FPS_25, vec![(TrackKind::Video, vec![item(pal, 3, 10), gap(4), slow(50, 30)])])
        .await;
    let nested = |start, duration| {
        let start = MediaTime::new(start, Rate::FPS_25);
        let source = ClipSource::from(inner.id);
        Item::Clip(Clip::new(&SystemClock, "inner", source, start, duration))
    };
    let below = vec![slow(10, 60), nested(5, 30)];
    let mut hidden = clip(pal, 0, Rate::FPS_25, 5);
    hidden.enabled = false;
    let above =
        vec![gap(20), dissolve(0, 4), item(pal, 80, 10), dissolve(2, 0), Item::Clip(hidden)];
    let cut =
        bench.cut(Rate::FPS_25, vec![(TrackKind::Video, below), (TrackKind::Video, above)]).await;
    let pulled = |start: i64, frame: i64| start + frame * 24_000 / (25 * 1001);
    let behind = |frame: i64| match frame {
        0..60 => one(1, pulled(10, frame)),
        60..65 => one(2, 3 + 5 + frame - 60),
        65..69 => vec![],
        _ => one(1, pulled(50, frame - 69)),
    };
    let rendered = bench
        .expect(&cut, "nested.mp4", |frame| {
            let share = match frame {
                20..24 => (frame - 19) as f64 / 5.0,
                24..28 => 1.0,
                28..30 => 1.0 - (frame - 27) as f64 / 3.0,
                _ => 0.0,
            };
            let mut seen = behind(frame);
            seen.iter_mut().for_each(|(_, _, part)| *part *= 1.0 - share);
            if share > 0.0 {
                seen.push((2, 80 + frame - 20, share));
            }
            seen
        })
        .await;
    assert_eq!(rendered.frames, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn drop_frame_timecode_and_burnt_in_text_are_right() {
    let bench = Bench::new().await;
    let film = bench.film(1, "30000/1001", 120, &[]).await;
    let shot = Item::Clip(clip(film, 20, Rate::FPS_29_97, 60));
    let mut cut = bench.cut(Rate::FPS_29_97, vec![(TrackKind::Video, vec![shot])]).await;
    let rendered = bench.expect(&cut, "zero.mp4", |frame| one(1, 20 + frame)).await;
    assert_eq!(rendered.timecode.as_deref(), Some("00:00:00;00"));

    // One frame before a minute, so that two labels are left out.
    cut.id = emam_core::id::SequenceId::new(&SystemClock);
    cut.start = 107_892 + 1_799;
    bench.save(&cut).await;
    let rendered = bench.expect(&cut, "late.mov", |frame| one(1, 20 + frame)).await;
    assert_eq!(rendered.timecode.as_deref(), Some("01:00:59;29"));
    let told = ffprobe(&bench.path("late.mov"), &["-show_entries", "stream_tags=timecode"]);
    assert!(told.contains("01:00:59;29"), "{told}");

    let burn_in = BurnIn { timecode: true, name: true };
    let options = RenderOptions::default().with_burn_in(burn_in).with_size(640, 256);
    let rendered = bench.render(&cut, "burnt.mp4", options).await.unwrap();
    assert_eq!(rendered.frames, 60);
    assert!(rendered.not_copied.unwrap().contains("text"));
    // The line of text at the bottom changes with every frame, and is not there without.
    let plain = RenderOptions::default().with_size(640, 256).with_copy(CopyMode::Never);
    bench.render(&cut, "plain.mp4", plain).await.unwrap();
    let line = |name: &str| {
        let path = bench.path(name);
        let path = path.to_str().unwrap();
        let crop = "crop=300:24:170:218,format=gray";
        let raw = ffmpeg(&["-i", path, "-vf", crop, "-f", "rawvideo", "-"]);
        raw.chunks(300 * 24).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let far = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(a, b)| a.abs_diff(**b) > 60).count();
    let (burnt, plain) = (line("burnt.mp4"), line("plain.mp4"));
    assert!(burnt.iter().zip(&plain).all(|(a, b)| far(a, b) > 200), "there is text");
    assert!(burnt.windows(2).all(|pair| far(&pair[0], &pair[1]) > 5), "it changes");
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_is_where_the_pictures_are() {
    let bench = Bench::new().await;
    let film = bench.film(1, "25", 200, &[]).await;
    let mut right = clip(film, 25, Rate::FPS_25, 25);
    right.audio_channels = vec![2];
    let heard = vec![
        item(film, 20, 30),          // 0..30: loud from 5 on
        gap(10),                     // 30..40
        fast(film, 20, 30, (2, 1)),  // 40..70: source 20..80, loud 25..50 and 75..
        fast(film, 20, 40, (-1, 1)), // 70..110: source 60..20, loud from 10 to 35 in it
        Item::Clip(right),           // 110..135: the quiet side on both
        item(film, 26, 40),          // 135..175: loud until 159
        dissolve(0, 10),
        item(film, 25, 20), // 175..195
    ];
    let seen = vec![item(film, 0, 195)];
    let tracks = vec![(TrackKind::Video, seen), (TrackKind::Audio, heard)];
    let cut = bench.cut(Rate::FPS_25, tracks).await;
    for (name, format) in
        [("sound.mov", RenderFormat::Mezzanine), ("sound.mp4", RenderFormat::H264)]
    {
        let options = RenderOptions::default().with_format(format).with_copy(CopyMode::Never);
        let rendered = bench.render(&cut, name, options).await.unwrap();
        compare(&bench.path(name), rendered.frames, |frame| one(1, frame));
        let sound = samples(&bench.path(name));
        let frame = |frame: i64| frame as f64 / 25.0;
        let near = |found: f64, want: f64| {
            // A frame of AAC is 1024 samples; PCM is exact.
            let most = if format == RenderFormat::H264 { 1024.0 / 48_000.0 } else { 0.002 };
            assert!((found - want).abs() < most, "{name}: {found} is not {want}");
        };
        if format == RenderFormat::Mezzanine {
            assert_eq!(sound.len(), 195 * 1920);
        }
        near(onset(&sound, 0.0), frame(5));
        near(onset(&sound, frame(32)), frame(40) + 2.5 / 25.0);
        near(onset(&sound, frame(72)), frame(80));
        assert!(loudness(&sound, 0, frame(31)) < 0.02, "gap");
        assert!(loudness(&sound, 0, frame(60)) < 0.02, "between at twice the speed");
        assert!(loudness(&sound, 0, frame(104)) > 0.3 && loudness(&sound, 0, frame(106)) < 0.02);
        for (at, left, right) in [(10, 0.5, 0.25), (120, 0.25, 0.25), (140, 0.5, 0.25)] {
            let found = (loudness(&sound, 0, frame(at)), loudness(&sound, 1, frame(at)));
            assert!((found.0 - left).abs() < 0.04 && (found.1 - right).abs() < 0.04, "{found:?}");
        }
        // The last one swells over ten frames.
        let half = loudness(&sound, 0, frame(180));
        assert!((0.2..0.32).contains(&half), "half way through the fade it is {half}");
        assert!((loudness(&sound, 0, frame(190)) - 0.5).abs() < 0.04);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cuts_at_keyframes_are_copied_packet_by_packet() {
    let bench = Bench::new().await;
    let film = bench.film(1, "25", 200, &["-x264-params", "open-gop=0"]).await;
    let packets = |path: &Path| -> Vec<String> {
        let asked = ["-select_streams", "v:0", "-show_packets", "-show_data_hash", "md5"];
        let told = ffprobe(path, &[&asked[..], &["-show_entries", "packet=data_hash"]].concat());
        told.lines().map(str::to_owned).collect()
    };
    let items = vec![item(film, 50, 25), item(film, 100, 75), item(film, 0, 50)];
    let heard = vec![item(film, 50, 25), item(film, 100, 75), item(film, 0, 50)];
    let tracks = vec![(TrackKind::Video, items), (TrackKind::Audio, heard)];
    let cut = bench.cut(Rate::FPS_25, tracks).await;
    let rendered = bench.render(&cut, "copy.mp4", RenderOptions::default()).await.unwrap();
    assert!(rendered.copied, "{:?}", rendered.not_copied);
    compare(&bench.path("copy.mp4"), 150, |frame| match frame {
        0..25 => one(1, 50 + frame),
        25..100 => one(1, 75 + frame),
        _ => one(1, frame - 100),
    });
    let original = packets(&bench.path("film1.mov"));
    let want: Vec<String> =
        [50..75, 100..175, 0..50].into_iter().flat_map(|r| original[r].to_vec()).collect();
    let found = packets(&bench.path("copy.mp4"));
    assert!(
        found == want,
        "other packets: {:?}",
        found.iter().zip(&want).position(|(a, b)| a != b)
    );
    // The tone of the first second and of the one at frame 125 of the film.
    let sound = samples(&bench.path("copy.mp4"));
    assert!((onset(&sound, 1.2) - 2.0).abs() < 1024.0 / 48_000.0);

    // One frame off a keyframe it is encoded, or refused where that is not wanted.
    let items = vec![item(film, 51, 25)];
    let cut = bench.cut(Rate::FPS_25, vec![(TrackKind::Video, items)]).await;
    let rendered = bench.render(&cut, "off.mp4", RenderOptions::default()).await.unwrap();
    assert!(!rendered.copied && rendered.not_copied.unwrap().contains("keyframes"));
    compare(&bench.path("off.mp4"), 25, |frame| one(1, 51 + frame));
    let only = RenderOptions::default().with_copy(CopyMode::Only);
    let error = bench.render(&cut, "only.mp4", only).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!bench.path("only.mp4").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_rendered_is_refused_by_name() {
    let bench = Bench::new().await;
    let film = bench.film(1, "25", 50, &[]).await;
    let video = |items| vec![(TrackKind::Video, items)];
    let cut = bench.cut(Rate::FPS_25, video(vec![item(film, 0, 10)])).await;
    let plain = RenderOptions::default;

    let empty = bench.cut(Rate::FPS_25, video(vec![])).await;
    assert_eq!(
        bench.render(&empty, "a.mp4", plain()).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        bench.render(&cut, "a.avi", plain()).await.unwrap_err().get("supported"),
        Some("mp4 mov mkv")
    );
    assert_eq!(
        bench.render(&cut, "no/a.mp4", plain()).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    std::fs::write(bench.path("there.mp4"), "mine").unwrap();
    let error = bench.render(&cut, "there.mp4", plain()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(bench.path("there.mp4")).unwrap(), b"mine");
    bench.render(&cut, "there.mp4", plain().with_overwrite(true)).await.unwrap();
    compare(&bench.path("there.mp4"), 10, |frame| one(1, frame));

    let gone = AssetSource::new(emam_core::id::AssetId::new(&SystemClock));
    let lost = bench.cut(Rate::FPS_25, video(vec![item(gone, 0, 10)])).await;
    let error = bench.render(&lost, "b.mp4", plain()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.get("issue").unwrap().contains("\"shot\""), "{error:?}");

    // Frames the media does not have are held, and told of.
    let over = bench.cut(Rate::FPS_25, video(vec![item(film, 40, 20)])).await;
    let rendered = bench.expect(&over, "over.mp4", |frame| one(1, (40 + frame).min(49))).await;
    assert_eq!(rendered.issues.len(), 1);
    let left = std::fs::read_dir(bench.folder.path()).unwrap().map(|e| e.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_are_read_where_they_are_asked_for() {
    let bench = Bench::new().await;
    let film = bench.film(1, "25", 100, &[]).await;
    let mut heard = clip(film, 20, Rate::FPS_25, 60);
    heard.audio_channels = vec![2];
    let tracks = vec![
        (TrackKind::Video, vec![item(film, 20, 60)]),
        (TrackKind::Audio, vec![Item::Clip(heard)]),
    ];
    let cut = bench.cut(Rate::FPS_25, tracks).await;
    let request = emam_core::library::ArchiveRequest {
        assets: vec![film.asset],
        storage_class: emam_core::model::StorageClass::Archive,
    };
    for run in bench.library.archive().store(&request).await.unwrap() {
        run.join().await.unwrap();
    }
    let error = bench.render(&cut, "no.mp4", RenderOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.get("clip")), (ErrorKind::NotReady, Some("shot")));
    let options = RenderOptions::default().with_target(Target::Proxy).with_copy(CopyMode::Never);
    let rendered = bench.render(&cut, "proxy.mp4", options).await.unwrap();
    compare(&bench.path("proxy.mp4"), rendered.frames, |frame| one(1, 20 + frame));
    let sound = samples(&bench.path("proxy.mp4"));
    assert!((onset(&sound, 0.0) - 5.0 / 25.0).abs() < 2.0 * 1024.0 / 48_000.0);
    assert!((loudness(&sound, 0, 0.6) - 0.25).abs() < 0.04, "the quiet side");
}

#[tokio::test(flavor = "multi_thread")]
async fn media_is_handed_over_whole_or_trimmed() {
    let bench = Bench::new().await;
    let tc = ["-timecode", "10:00:00:00", "-x264-params", "open-gop=0"];
    let film = bench.film(1, "25", 200, &tc).await;
    let pal = bench.film(2, "25", 60, &[]).await;
    let mut first = clip(film, 60, Rate::FPS_25, 20);
    first.markers.push(Marker { start: 65, name: "here".into(), ..Marker::default() });
    let items = vec![Item::Clip(first), fast(film, 80, 10, (-2, 1)), item(pal, 10, 40)];
    let cut = bench.cut(Rate::FPS_25, vec![(TrackKind::Video, items)]).await;
    let sequences = bench.library.sequences();

    let whole = ConsolidateOptions::default();
    let plan = sequences.plan_consolidate(cut.id, whole.clone()).await.unwrap();
    assert_eq!(plan.files.len(), 2);
    let run = sequences.consolidate(cut.id, bench.path("whole"), whole.clone()).await.unwrap();
    let made = run.join().await.unwrap();
    let bytes: u64 = made.files.iter().map(|file| file.size).sum();
    assert_eq!(bytes, plan.bytes);
    for (file, original) in made.files.iter().zip(["film1.mov", "film2.mov"]) {
        assert_eq!(
            std::fs::read(&file.path).unwrap(),
            std::fs::read(bench.path(original)).unwrap()
        );
    }
    let error = sequences.consolidate(cut.id, bench.path("whole"), whole).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);

    // Frames 60 to 100 and ten more on each side: from the keyframe 50 to the one at 125.
    let trimmed = ConsolidateOptions::default().trimmed(10);
    std::fs::create_dir(bench.path("trimmed")).unwrap();
    let run = sequences.consolidate(cut.id, bench.path("trimmed"), trimmed).await.unwrap();
    let made = run.join().await.unwrap();
    let [one_file, two_file] = made.files.as_slice() else { panic!("{made:#?}") };
    assert_eq!((one_file.first_frame, one_file.frames), (50, Some(75)), "{made:#?}");
    assert!(two_file.note.as_deref().unwrap().contains("nearly all"), "{made:#?}");
    compare(&one_file.path, 75, |frame| one(1, 50 + frame));
    let told = ffprobe(&one_file.path, &["-show_entries", "stream_tags=timecode"]);
    assert!(told.contains("10:00:02:00"), "{told}");
    let sound = samples(&one_file.path);
    assert!((onset(&sound, 0.5) - 1.0).abs() < 1024.0 / 48_000.0, "{}", onset(&sound, 0.5));
    let sums = std::fs::read_to_string(bench.path("trimmed/media.md5")).unwrap();
    assert!(sums.contains(&format!("{}  film1.mov\n", one_file.md5)), "{sums}");

    // The sequence beside it points to the copies and shows the same frames of them.
    let text = std::fs::read_to_string(&made.sequences[0]).unwrap();
    let otio: serde_json::Value = serde_json::from_str(&text).unwrap();
    let clips = otio["tracks"]["children"][0]["children"].as_array().unwrap();
    let media = |clip: &serde_json::Value| clip["media_references"]["DEFAULT_MEDIA"].clone();
    let starts: Vec<f64> = clips
        .iter()
        .map(|clip| {
            let at = |range: &serde_json::Value| range["start_time"]["value"].as_f64().unwrap();
            at(&clip["source_range"]) - at(&media(clip)["available_range"])
        })
        .collect();
    assert_eq!(starts, [10.0, 30.0, 10.0]);
    assert_eq!(media(&clips[0])["target_url"], file_url(&one_file.path).unwrap());
    assert_eq!(media(&clips[0])["available_range"]["duration"]["value"], 75.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_render_that_was_interrupted_goes_on_and_one_that_is_cancelled_leaves_nothing() {
    let bench = Bench::new().await;
    let film = bench.film(1, "25", 200, &[]).await;
    // More clips than files are open at once: several pieces.
    let shots = || (0..60).map(|index| item(film, (index * 37) % 190, 9)).collect();
    let tracks = vec![(TrackKind::Video, shots()), (TrackKind::Audio, shots())];
    let cut = bench.cut(Rate::FPS_25, tracks).await;
    let options = RenderOptions::default().with_copy(CopyMode::Never);
    let hidden = |bench: &Bench| {
        let entries = std::fs::read_dir(bench.folder.path()).unwrap();
        entries
            .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'))
            .count()
    };

    let sequences = bench.library.sequences();
    let mut run = sequences.render(cut.id, bench.path("no.mp4"), options.clone()).await.unwrap();
    while run.progress().await.unwrap().is_some_and(|p| !p.step.starts_with("piece")) {}
    run.cancel().await.unwrap();
    assert_eq!(run.join().await.unwrap_err().kind(), ErrorKind::Cancelled);
    for _ in 0..100 {
        if hidden(&bench) == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(hidden(&bench) == 0 && !bench.path("no.mp4").exists());

    let mut run = sequences.render(cut.id, bench.path("yes.mov"), options).await.unwrap();
    while run.progress().await.unwrap().is_some_and(|p| p.step != "piece.00002") {}
    let id = run.id();
    drop((run, sequences));
    let Bench { folder, library } = bench;
    drop(library);
    let library = Library::open(folder.path().join("library")).await.unwrap();
    let bench = Bench { folder, library };
    let run = bench.library.runs().handle::<Rendered>(id).await.unwrap();
    let rendered = run.join().await.unwrap();
    assert_eq!(rendered.frames, 540);
    compare(&bench.path("yes.mov"), 540, |frame| one(1, (frame / 9 * 37) % 190 + frame % 9));
    let record = bench.library.runs().get(id).await.unwrap();
    let pieces: Vec<_> = record.steps.iter().filter(|s| s.name.starts_with("piece")).collect();
    assert!(pieces.len() >= 3 && pieces[0].attempts == 1, "{pieces:?}");
    assert_eq!(hidden(&bench), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn stills_transparent_pictures_and_tracks_of_a_recorder_are_rendered() {
    let bench = Bench::new().await;
    let film = bench.film(1, "25", 60, &[]).await;
    // A still spells frame 300 of film 5; it is twice the size, so that it has to be fitted.
    let bars = "nullsrc=s=320x128,geq=lum='if(mod(floor(if(lt(Y,64),300,5)/pow(2,floor(X/32))),2),\
                235,16)':cb=128:cr=128,format=rgb24";
    let still =
        make(bench.folder.path(), "still.png", &["-f", "lavfi", "-i", bars, "-frames:v", "1"]);
    let still = bench.ingest(&still).await;
    // White on the left half, and nothing on the right half.
    let half = "color=white:s=160x64:r=25,format=rgba,geq=r=255:g=255:b=255:a='if(lt(X,80),255,0)'";
    let arguments = ["-f", "lavfi", "-i", half, "-frames:v", "20", "-c:v", "qtrle"];
    let half = make(bench.folder.path(), "half.mov", &arguments);
    let half = bench.ingest(&half).await;
    let below = vec![item(film, 0, 20), item(still, 0, 15), item(film, 20, 10)];
    let above = vec![gap(5), item(half, 2, 8)];
    let cut =
        bench.cut(Rate::FPS_25, vec![(TrackKind::Video, below), (TrackKind::Video, above)]).await;
    let options = RenderOptions::default().with_copy(CopyMode::Never);
    let rendered = bench.render(&cut, "mixed.mp4", options).await.unwrap();
    assert_eq!((rendered.frames, rendered.issues.len()), (45, 0), "{rendered:?}");
    for (index, found) in bars_of(&bench, "mixed.mp4").iter().enumerate() {
        let (film, frame) = match index as i64 {
            frame @ 0..20 => (1, frame),
            20..35 => (5, 300),
            frame => (1, frame - 15),
        };
        let covered = (5..13).contains(&index);
        for (row, number) in [frame, film].into_iter().enumerate() {
            for (bar, found) in found[row].iter().enumerate() {
                let lit = number >> bar & 1 == 1 || (covered && bar < 5);
                let want = if lit { 235.0 } else { 16.0 };
                assert!(
                    (want - found).abs() < 12.0,
                    "frame {index}, bar {bar}: {found}, not {want}"
                );
            }
        }
    }

    // Four mono tracks: odd ones left, even ones right; one alone on both sides.
    let tone = |loud: f64| format!("aevalsrc=exprs='{loud}*sin(2*PI*1000*t)':s=48000:d=2");
    let tones = [0.1, 0.2, 0.3, 0.4].map(tone);
    let mut arguments = Vec::new();
    for tone in &tones {
        arguments.extend(["-f", "lavfi", "-i", tone]);
    }
    arguments.extend(["-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:a", "pcm_s16le"]);
    let tracks = make(bench.folder.path(), "tracks.mov", &arguments);
    let tracks = bench.ingest(&tracks).await;
    let of = |channels: Vec<u16>| {
        let start = MediaTime::new(0, Rate::AUDIO_48K);
        let clip = Clip::new(&SystemClock, "tone", tracks, start, 10);
        Item::Clip(Clip { audio_channels: channels, ..clip })
    };
    let items = vec![of(vec![1, 2]), of(vec![4]), of(vec![1, 2, 3, 4])];
    let cut = bench.cut(Rate::FPS_25, vec![(TrackKind::Audio, items)]).await;
    let options = RenderOptions::default().with_format(RenderFormat::Mezzanine);
    bench.render(&cut, "tones.mov", options).await.unwrap();
    let sound = samples(&bench.path("tones.mov"));
    for (at, want) in [(0.2, [0.1, 0.2]), (0.6, [0.4, 0.4]), (1.0, [0.2, 0.3])] {
        for (side, want) in want.into_iter().enumerate() {
            let found = loudness(&sound, side, at);
            assert!((found - want).abs() < 0.01, "at {at}, side {side}: {found}, not {want}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_a_varying_rate_is_counted_as_its_proxy_is() {
    let bench = Bench::new().await;
    // Every third frame is missing; the one before it stays on.
    let path = bench.make("even.mov", 1, "25", 150, &[]);
    let from = path.to_str().unwrap();
    let arguments = ["-i", from, "-vf", "select='not(eq(mod(n,3),2))'", "-vsync", "vfr"];
    let more = ["-enc_time_base", "1/12800", "-c:v", "libx264", "-crf", "10", "-g", "25", "-an"];
    let path = make(bench.folder.path(), "varying.mov", &[&arguments[..], &more].concat());
    let film = bench.ingest(&path).await;
    let asset = bench.library.assets().get(film.asset).await.unwrap();
    let rate = asset.media.as_ref().unwrap().rate.unwrap();
    let renditions = bench.library.backends().catalog.renditions(film.asset).await.unwrap();
    let video = &renditions.iter().find_map(|r| r.technical.clone()).unwrap().video[0];
    assert!(video.variable_rate, "{video:?}");
    let shot = Item::Clip(clip(film, 20, rate, 60));
    let cut = bench.cut(rate, vec![(TrackKind::Video, vec![shot])]).await;
    let original = RenderOptions::default().with_copy(CopyMode::Never);
    let proxy = original.clone().with_target(Target::Proxy);
    bench.render(&cut, "original.mp4", original).await.unwrap();
    bench.render(&cut, "proxy.mp4", proxy).await.unwrap();
    let spelled = |name: &str| -> Vec<i64> {
        let number = |bars: &[[f64; BARS]; 2]| {
            (0..BARS).map(|bar| i64::from(bars[0][bar] > 125.0) << bar).sum()
        };
        bars_of(&bench, name).iter().map(number).collect()
    };
    let found = spelled("original.mp4");
    assert_eq!(found, spelled("proxy.mp4"), "at {rate}");
    assert!(found.windows(2).all(|pair| pair[0] <= pair[1]), "{found:?}");
}
