//! Project files of other programs: what they use, and taking them in.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::Write;
use std::path::{Path, PathBuf};

use emam_core::clock::{Clock, SystemClock};
use emam_core::id::AssetId;
use emam_core::library::{CheckInOptions, ProjectScanOptions};
use emam_core::model::{Asset, AssetKind, BinTarget, Lifecycle, MediaSummary};
use emam_core::time::{MediaTime, Rate};
use emam_core::timeline::usage::{Program, ScanOptions, scan};
use emam_core::{ErrorKind, Library};
use emam_test_support::media::{samples, sized};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

/// A Premiere project with this media, as Premiere packs one.
fn premiere(folder: &Path, name: &str, paths: &[&str]) -> PathBuf {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<PremiereData Version=\"3\">\n\
         <Project ObjectRef=\"1\"/>\n",
    );
    for (number, path) in paths.iter().enumerate() {
        let name = path.rsplit(['/', '\\']).next().unwrap();
        text.push_str(&format!(
            "<Media ObjectUID=\"{number}\" ClassID=\"7a5c103e-f3ac-4391-b6b4-7cc3d2f9a7ff\" \
             Version=\"30\"><VideoStream ObjectRef=\"70\"/><FilePath>{path}</FilePath>\
             <Title>{name}</Title><RelativePath>./{name}</RelativePath>\
             <ActualMediaFilePath>{path}</ActualMediaFilePath></Media>\n"
        ));
    }
    text.push_str(
        "<Media ObjectUID=\"black\"><FilePath>1112293707</FilePath><Title>Black</Title></Media>\
         <VideoStream ObjectID=\"70\" Version=\"22\"><Duration>254016000000</Duration>\
         <FrameRate>10160640000</FrameRate></VideoStream></PremiereData>\n",
    );
    let path = folder.join(name);
    let mut encoder = GzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
    path
}

async fn asset(library: &Library, file_name: &str) -> AssetId {
    let mut asset = Asset::new(AssetId::new(&SystemClock), file_name, SystemClock.now());
    asset.kind = AssetKind::Video;
    asset.lifecycle = Lifecycle::Ready;
    asset.file_name = file_name.into();
    asset.media = Some(MediaSummary {
        rate: Some(Rate::FPS_25),
        duration: Some(MediaTime::new(25, Rate::FPS_25)),
        ..MediaSummary::default()
    });
    library.backends().catalog.insert_assets(std::slice::from_ref(&asset)).await.unwrap();
    asset.id
}

#[tokio::test]
async fn a_finished_project_comes_in_with_what_it_uses() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path().join("library")).await.unwrap();
    let project = library.projects().create("Promo").await.unwrap();
    let known = asset(&library, "A001.MOV").await;
    std::fs::rename(sized(folder.path(), 64, 48, "1"), folder.path().join("new.mp4")).unwrap();
    let new = folder.path().join("new.mp4").to_str().unwrap().to_owned();
    let file = premiere(
        folder.path(),
        "promo.prproj",
        &["\\\\?\\D:\\rushes\\a001.mov", &new, "/nowhere/lost &amp; gone.wav"],
    );

    let media = library.projects().scan(&file, ProjectScanOptions::default()).await.unwrap();
    assert_eq!(media.program, Program::Premiere);
    assert_eq!(media.files.len(), 3);
    assert_eq!(media.files[0].paths[0], r"D:\rushes\a001.mov");
    assert_eq!(media.files[0].duration, Some(MediaTime::new(25, Rate::FPS_25)));
    assert_eq!(media.issues.len(), 1, "the black video");
    assert_eq!(media.plan.missing().count(), 2);

    let projects = library.projects();
    let dry = CheckInOptions { dry_run: true, ..CheckInOptions::default() };
    let dry = projects.check_in(project.id, &file, dry).await.unwrap();
    assert!(!dry.done && dry.asset.is_none() && dry.bin.is_none());
    assert_eq!(dry.ingested.len(), 1);

    let first = projects.check_in(project.id, &file, CheckInOptions::default()).await.unwrap();
    let (file_asset, bin) = (first.asset.unwrap(), first.bin.unwrap());
    assert_eq!(file_asset.kind, AssetKind::ProjectFile);
    let ingested = first.ingested[0].asset.unwrap();
    assert_eq!(bin.name, "Media of promo.prproj");
    let targets: Vec<_> = bin.items.iter().map(|item| item.target).collect();
    let mut media = targets[1..].to_vec();
    media.sort_by_key(|target| serde_json::to_string(target).unwrap());
    let mut want = [known, ingested].map(|asset| BinTarget::Asset { asset });
    want.sort_by_key(|target| serde_json::to_string(target).unwrap());
    assert_eq!(targets[0], BinTarget::Asset { asset: file_asset.id });
    assert_eq!(media, want);
    assert_eq!(file_asset.metadata["check_in"]["number"], 1);
    assert_eq!(file_asset.metadata["check_in"]["missing"], json!(["lost & gone.wav"]));
    assert!(first.issues.iter().any(|issue| issue.message.contains("lost & gone.wav")));

    let used = library.assets().used_in(known).await.unwrap();
    assert_eq!(used.project_files.len(), 1);
    assert_eq!(
        (used.project_files[0].asset, used.project_files[0].project),
        (file_asset.id, project.id)
    );
    assert_eq!(used.bins[0].bin, bin.id);

    // The same file again is no new check-in; a changed one names the one before.
    let same = projects.check_in(project.id, &file, CheckInOptions::default()).await.unwrap();
    assert_eq!(same.asset.unwrap().id, file_asset.id);
    let file = premiere(folder.path(), "promo.prproj", &[&new]);
    let second = projects.check_in(project.id, &file, CheckInOptions::default()).await.unwrap();
    let second_asset = second.asset.unwrap();
    assert_ne!(second_asset.id, file_asset.id);
    assert_eq!(second_asset.metadata["check_in"]["number"], 2);
    assert_eq!(second_asset.metadata["check_in"]["previous"], json!(file_asset.id));
    assert_eq!(second.bin.unwrap().id, bin.id);
    assert!(library.assets().used_in(known).await.unwrap().project_files.is_empty());
    let used = library.assets().used_in(ingested).await.unwrap();
    assert_eq!(used.project_files[0].asset, second_asset.id);
    library.close().await;
}

#[tokio::test]
async fn a_project_whose_format_nobody_knows_comes_in_without_its_media() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::open(folder.path().join("library")).await.unwrap();
    let project = library.projects().create("Promo").await.unwrap();
    let file = folder.path().join("flyer.indd");
    std::fs::write(&file, b"\x06\x06\xed\xf5\xd8\x1d\x46\xe5 layout").unwrap();
    let error = library.projects().scan(&file, ProjectScanOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let checked_in =
        library.projects().check_in(project.id, &file, CheckInOptions::default()).await.unwrap();
    assert_eq!(checked_in.issues.len(), 1);
    assert!(checked_in.asset.is_some());
    let bad = folder.path().join("cut.prproj");
    std::fs::write(&bad, b"\x1f\x8b\x08\0\0").unwrap();
    for (path, kind) in
        [(bad, ErrorKind::InvalidInput), (folder.path().join("none.prproj"), ErrorKind::NotFound)]
    {
        let params = json!({ "project": project.id, "path": path });
        let error = library.call("projects.check_in", params).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    library.close().await;
}

#[test]
fn every_sample_timeline_tells_what_it_uses() {
    let Some(folder) = samples("timeline") else { return };
    let mut scanned = 0;
    let mut waiting = vec![folder];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let extension = path.extension().unwrap_or_default().to_str().unwrap_or_default();
        if !["otio", "edl", "xml", "ale"].contains(&extension.to_ascii_lowercase().as_str()) {
            continue;
        }
        // What is no timeline is refused in words; nothing panics.
        match scan(&path, &ScanOptions::default(), &SystemClock) {
            Ok(used) => {
                scanned += usize::from(!used.files.is_empty());
                assert!(
                    used.files.iter().all(|file| !file.name.is_empty()
                        || !file.paths.is_empty()
                        || file.reel.is_some()),
                    "{}: {used:?}",
                    path.display()
                );
            }
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported),
                "{}: {error}",
                path.display()
            ),
        }
    }
    assert!(scanned > 0, "no sample names media");
}
