//! Project files as programs write them, and as nobody should.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::clock::SystemClock;

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn scanned(name: &str, bytes: &[u8]) -> Result<UsedMedia> {
    scan_bytes(Path::new(name), bytes, &ScanOptions::default(), &SystemClock)
}

/// A project with the objects a real one has around its media.
fn project(media: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<PremiereData Version=\"3\">\n\
         <Project ObjectRef=\"1\"/>\n<Project ObjectID=\"1\" Version=\"45\"><Node><Media>not \
         this</Media></Node></Project>\n{media}\n\
         <VideoStream ObjectID=\"7\" Version=\"22\"><Duration>2540160000000</Duration>\
         <FrameRate>8475667200</FrameRate><FrameRect>0,0,1920,1080</FrameRect></VideoStream>\n\
         <VideoMediaSource ObjectID=\"8\"><MediaSource Version=\"4\"><Media \
         ObjectURef=\"a\"/></MediaSource></VideoMediaSource>\n</PremiereData>\n"
    )
}

#[test]
fn the_media_of_a_premiere_project_come_once_with_their_times() {
    let text = project(
        "<Media ObjectUID=\"a\" ClassID=\"7a5c103e\" Version=\"30\"><VideoStream ObjectRef=\"7\"/>\
         <FilePath>\\\\?\\D:\\Rushes\\A &amp; B&#10;&lt;1&gt; 😀.mov</FilePath>\
         <Title>A &amp; B</Title><RelativePath>./A001.mov</RelativePath>\
         <ActualMediaFilePath>\\\\?\\UNC\\nas\\Rushes\\A001.mov</ActualMediaFilePath></Media>\
         <Media ObjectUID=\"b\"><ActualMediaFilePath>\\\\nas\\Rushes\\A001.mov\
         </ActualMediaFilePath></Media>\
         <Media ObjectUID=\"c\"><FilePath>1112293707</FilePath><Title>Black Video</Title></Media>\
         <Media ObjectUID=\"d\"><FilePath>/Volumes/x/cafe\u{301}.wav</FilePath></Media>",
    );
    for bytes in [packed(&text), text.into_bytes()] {
        let used = scanned("a.PRPROJ", &bytes).unwrap();
        assert_eq!(used.program, Program::Premiere);
        assert_eq!(used.files.len(), 2, "{used:?}");
        let film = &used.files[0];
        assert_eq!(film.name, "A001.mov");
        assert_eq!(
            film.paths,
            [r"\\nas\Rushes\A001.mov", "D:\\Rushes\\A & B\n<1> 😀.mov", "./A001.mov"]
        );
        assert_eq!(film.rate, Some(Rate::FPS_29_97));
        assert_eq!(film.duration, Some(MediaTime::new(300, Rate::FPS_29_97)));
        assert_eq!(used.files[1].name, "cafe\u{301}.wav");
        assert_eq!(used.issues.len(), 1);
        assert!(used.issues[0].message.contains("\"Black Video\""));
    }
}

fn chunk(id: &str, body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len()).unwrap().to_be_bytes();
    let mut chunk = [id.as_bytes(), &size, body].concat();
    if body.len() % 2 == 1 {
        chunk.push(0);
    }
    chunk
}

fn list(kind: &str, chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk("LIST", &[kind.as_bytes(), &chunks.concat()].concat())
}

fn effects(chunks: &[Vec<u8>]) -> Vec<u8> {
    chunk("RIFX", &[b"Egg!", chunks.concat().as_slice()].concat())
}

fn footage(json: &str) -> Vec<u8> {
    list("Pin ", &[chunk("sspc", b"12345"), list("Als2", &[chunk("alas", json.as_bytes())])])
}

#[test]
fn the_footage_of_an_after_effects_project_comes_once() {
    let items = list(
        "Fold",
        &[
            footage(r#"{"fullpath":"C:\\Shots\\plate é.mov","target_is_folder":false}"#),
            list("btdk", &[chunk("alas", br#"{"fullpath":"/not/this"}"#)]),
            footage(r#"{"fullpath":"/Shots/frames","target_is_folder":true}"#),
            footage(r#"{"fullpath":"C:\\Shots\\plate é.mov"}"#),
            footage("nonsense"),
        ],
    );
    let mut bytes = effects(&[chunk("svap", b"abc"), items]);
    bytes.extend(b"<?xpacket begin='' ?> XMP comes after it");
    let used = scanned("a.aep", &bytes).unwrap();
    assert_eq!(used.program, Program::AfterEffects);
    let paths: Vec<_> = used.files.iter().map(|file| file.paths[0].as_str()).collect();
    assert_eq!(paths, [r"C:\Shots\plate é.mov", "/Shots/frames"]);
    assert_eq!(used.files[0].name, "plate é.mov");
    assert_eq!(used.issues.len(), 1);

    let xml = "<AfterEffectsProject majorVersion='1'><Fold><Als2><fileReference \
               fullpath='C:\\a &amp; b.mov'/></Als2><fileReference/></Fold></AfterEffectsProject>";
    let used = scanned("a.aepx", xml.as_bytes()).unwrap();
    assert_eq!(used.files[0].paths, [r"C:\a & b.mov"]);
    assert_eq!(used.issues.len(), 1);
}

#[test]
fn what_is_no_project_is_refused_in_words() {
    let deep = format!("<PremiereData>{}", "<a>".repeat(100_000));
    let long = format!("<PremiereData><Media ObjectUID='{}", "x".repeat(65 << 20));
    let entity = "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><PremiereData><Media \
                  ObjectUID='a'><FilePath>&b;</FilePath></Media></PremiereData>";
    let past = [b"RIFX\0\0\0\x10Egg!LIST\xff\xff\xff\xff".as_slice(), &[0; 8]].concat();
    let mut lists = Vec::new();
    for _ in 0..600 {
        lists = list("Fold", &[lists]);
    }
    let lists = effects(&[lists]);
    let half = packed(&project("<Media ObjectUID='a'><FilePath>/a.mov</FilePath></Media>"));
    let cases: [(&str, &[u8], &str); 13] = [
        ("a.prproj", b"", "no element PremiereData"),
        ("a.prproj", b"<xmeml/>", "is not PremiereData"),
        ("a.prproj", b"no xml at all", "no element PremiereData"),
        ("a.prproj", &half[..half.len() / 2], "damaged"),
        ("a.prproj", b"\x1f\x8bnot gzip", "damaged"),
        ("a.prproj", deep.as_bytes(), "512 deep"),
        ("a.prproj", long.as_bytes(), "64 MiB"),
        ("a.prproj", entity.as_bytes(), "entity"),
        ("a.prproj", b"<PremiereData><Media ObjectUID='1'>", "ends before"),
        ("a.aep", b"RIFF....Egg!", "does not begin"),
        ("a.aep", b"RIFX\xff\xff\xff\xffEgg!", "shorter than it says"),
        ("a.aep", &past, "longer than the list"),
        ("a.aep", &lists, "512 deep"),
    ];
    for (name, bytes, reason) in cases {
        let error = scanned(name, bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{reason}: {error}");
        assert!(error.message().contains(reason), "{reason}: {error}");
    }
    let error = scanned("a.indd", b"").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = scanned("a.xyz", b"").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_bomb_is_let_alone_where_it_gets_too_large() {
    let spaces = " ".repeat(1 << 20);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"<PremiereData>").unwrap();
    for _ in 0..32 {
        encoder.write_all(b"<a>").unwrap();
        encoder.write_all(spaces.as_bytes()).unwrap();
        encoder.write_all(b"</a>").unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 100_000);
    let options = ScanOptions { max_unpacked: 16 << 20, ..ScanOptions::default() };
    let error = scan_bytes(Path::new("a.prproj"), &bomb, &options, &SystemClock).unwrap_err();
    assert_eq!(error.get("max_unpacked"), Some("16777216"));

    let options = ScanOptions { max_bytes: 10, ..ScanOptions::default() };
    let error = scan_bytes(Path::new("a.prproj"), &bomb, &options, &SystemClock).unwrap_err();
    assert!(error.message().contains("max_bytes"), "{error}");
    let many = project(&"<Media ObjectUID='a'><FilePath>/a.mov</FilePath></Media>".repeat(3));
    let options = ScanOptions { max_files: 0, ..ScanOptions::default() };
    let error =
        scan_bytes(Path::new("a.prproj"), many.as_bytes(), &options, &SystemClock).unwrap_err();
    assert!(error.message().contains("max_files"), "{error}");
}
