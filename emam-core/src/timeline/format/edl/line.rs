//! The lines of a list, each by itself.

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'t> {
    Blank,
    Title(&'t str),
    /// How the timecode from here on is counted: drop-frame or not.
    Fcm(bool),
    Event(Event<'t>),
    /// `M2`: how fast the piece of a reel runs.
    Speed(Speed<'t>),
    /// `AUD`: sound channels beyond two.
    Channels(Vec<u16>),
    FromName(&'t str),
    ToName(&'t str),
    SourceFile(&'t str),
    /// A file by its path; kept as it is too.
    FromFile(&'t str),
    Locator(Locator<'t>),
    /// The locators from here to the next event are of the sequence, not of a clip: emam's own.
    LocatorsOfSequence,
    /// What the locator before says besides: emam's own.
    LocatorComment(&'t str),
    /// The frames of the locator before: emam's own.
    LocatorDuration(&'t str),
    /// A reel's name in the list, and its own name: emam's own.
    ReelMap(&'t str, &'t str),
    /// The rate of an event's source, where it is not that of the list: emam's own.
    SourceRate(&'t str),
    /// The timecode of the first frame, where no event stands there: emam's own.
    Start(&'t str),
    /// `>>> SOURCE`: a reel, and what it is.
    Source(&'t str, &'t str),
    /// Anything else.
    Other(&'t str),
}

/// An event line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event<'t> {
    pub(super) number: &'t str,
    pub(super) reel: &'t str,
    pub(super) channels: Channels,
    pub(super) code: Code,
    /// Frames of the transition.
    pub(super) length: Option<i64>,
    /// Source in and out, record in and out.
    pub(super) times: [&'t str; 4],
    /// What was missing or too much, and what was taken.
    pub(super) corrected: Option<&'static str>,
}

/// The tracks an event is recorded on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Channels {
    /// The picture track, counted from 1; lists by the book have one.
    pub(super) video: Option<u16>,
    /// The sound channels, counted from 1, in order.
    pub(super) audio: Vec<u16>,
}

/// How an event begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Code {
    Cut,
    Dissolve,
    /// A wipe, by its code, such as `W001`.
    Wipe(String),
    /// One picture keyed over another.
    Key,
}

/// An `M2` line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Speed<'t> {
    pub(super) reel: &'t str,
    /// Frames a second, where the rate of the list is normal.
    pub(super) fps: &'t str,
    pub(super) at: Option<&'t str>,
}

/// A mark.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Locator<'t> {
    /// Record timecode.
    pub(super) at: &'t str,
    pub(super) color: Option<&'t str>,
    pub(super) name: &'t str,
}

/// The comments that emam writes for itself.
pub(super) const LOCATORS_OF_SEQUENCE: &str = "LOC OF SEQUENCE";
pub(super) const LOCATOR_COMMENT: &str = "LOC COMMENT:";
pub(super) const LOCATOR_DURATION: &str = "LOC DURATION:";
pub(super) const REEL_MAP: &str = "REEL MAP:";
pub(super) const SOURCE_RATE: &str = "SOURCE RATE:";
pub(super) const START: &str = "SEQUENCE START:";

/// The colours locators have: Avid's, and the names other programs give theirs.
const COLORS: [&str; 17] = [
    "RED", "GREEN", "BLUE", "CYAN", "MAGENTA", "YELLOW", "BLACK", "WHITE", "PINK", "ORANGE",
    "PURPLE", "FOREST", "DENIM", "VIOLET", "GREY", "GOLD", "TEAL",
];

/// Whether a word is the colour of a locator.
pub(super) fn is_color(word: &str) -> bool {
    COLORS.iter().any(|color| color.eq_ignore_ascii_case(word))
}

/// What a line says.
pub(super) fn parse(line: &str) -> Line<'_> {
    let line = line.trim();
    if line.is_empty() {
        return Line::Blank;
    }
    if line.starts_with(|first: char| first.is_ascii_digit()) {
        return event(line).map_or(Line::Other(line), Line::Event);
    }
    if let Some(title) = after(line, "TITLE:") {
        return Line::Title(title);
    }
    if let Some(mode) = after(line, "FCM:") {
        return Line::Fcm(!mode.to_ascii_uppercase().contains("NON"));
    }
    if let Some(source) = after(line, ">>> SOURCE") {
        let (reel, name) = source.split_once(char::is_whitespace).unwrap_or((source, ""));
        return Line::Source(reel, name.trim());
    }
    if let Some(rest) = word(line, "M2") {
        return motion(rest).map_or(Line::Other(line), Line::Speed);
    }
    if let Some(rest) = word(line, "AUD") {
        let channels: Option<Vec<u16>> = rest.split_whitespace().map(|c| c.parse().ok()).collect();
        let known = |channels: &Vec<u16>| {
            (1..=8).contains(&channels.len()) && channels.iter().all(|c| (1..=64).contains(c))
        };
        return channels.filter(known).map_or(Line::Other(line), Line::Channels);
    }
    comment(line)
}

fn comment(line: &str) -> Line<'_> {
    let text = line.strip_prefix('*').unwrap_or(line).trim_start();
    let named = |key| after(text, key);
    if let Some(name) = named("FROM CLIP NAME:") {
        return Line::FromName(name);
    }
    if let Some(name) = named("TO CLIP NAME:") {
        return Line::ToName(name);
    }
    // Without the asterisk only the names of clips are told from other words.
    if !line.starts_with('*') {
        return Line::Other(line);
    }
    if let Some(name) = named("SOURCE FILE:") {
        return Line::SourceFile(name);
    }
    if let Some(path) = named("FROM CLIP:").or_else(|| named("FROM FILE:")) {
        return Line::FromFile(path);
    }
    if let Some(rest) = named("LOC:") {
        return locator(rest).map_or(Line::Other(line), Line::Locator);
    }
    if let Some(rest) = named(LOCATOR_COMMENT) {
        return Line::LocatorComment(rest);
    }
    if let Some(rest) = named(LOCATOR_DURATION) {
        return Line::LocatorDuration(rest);
    }
    if text.eq_ignore_ascii_case(LOCATORS_OF_SEQUENCE) {
        return Line::LocatorsOfSequence;
    }
    if let Some((written, reel)) = named(REEL_MAP).and_then(|rest| rest.split_once(" = ")) {
        return Line::ReelMap(written.trim(), reel.trim());
    }
    if let Some(rate) = named(SOURCE_RATE) {
        return Line::SourceRate(rate);
    }
    if let Some(at) = named(START) {
        return Line::Start(at);
    }
    Line::Other(line)
}

/// What stands after a key, in any case.
fn after<'t>(line: &'t str, key: &str) -> Option<&'t str> {
    let head = line.get(..key.len())?;
    head.eq_ignore_ascii_case(key).then(|| line.get(key.len()..).unwrap_or_default().trim())
}

/// What stands after a word, in any case.
fn word<'t>(line: &'t str, word: &str) -> Option<&'t str> {
    let rest = line.get(word.len()..)?;
    after(line, word).filter(|_| rest.starts_with(char::is_whitespace))
}

/// Whether a word looks like timecode.
pub(super) fn is_label(word: &str) -> bool {
    let digits = |byte: &u8| byte.is_ascii_digit();
    let marks = word.bytes().filter(|byte| matches!(byte, b':' | b';' | b'.' | b',')).count();
    marks == 3
        && word.bytes().filter(digits).count() + 3 == word.len()
        && word.bytes().next().as_ref().is_some_and(digits)
        && word.bytes().last().as_ref().is_some_and(digits)
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The words of a line with where each starts.
fn words(line: &str) -> Vec<(usize, &str)> {
    let start = line.as_ptr() as usize;
    line.split_whitespace().map(|word| (word.as_ptr() as usize - start, word)).collect()
}

/// Reads an event from the right: four times, the transition, the channels; what is left is the
/// reel, whose name may hold spaces.
fn event(line: &str) -> Option<Event<'_>> {
    let words = words(line);
    let &[(_, number), ref words @ ..] = words.as_slice() else { return None };
    if !is_number(number) {
        return None;
    }
    let at = times_at(words)?;
    let mut corrected = (at + 4 < words.len()).then_some("what stands after the times was left");
    let mut times = [""; 4];
    for (time, (_, word)) in times.iter_mut().zip(words.get(at..)?) {
        *time = word;
    }

    let mut rest = words.get(..at)?;
    let mut length = None;
    if let [before @ .., (_, kind), (_, last)] = rest
        && is_number(last)
        && (code(kind).is_some() || key_part(before, kind) || channels(kind).is_some())
    {
        length = last.parse().ok();
        rest = rest.get(..rest.len() - 1)?;
    }
    let code = match rest {
        [before @ .., (_, "K" | "k"), (_, part)] if key_part_of(part) => {
            rest = before;
            Code::Key
        }
        [before @ .., (_, word)] if code(word).is_some() => {
            rest = before;
            code(word)?
        }
        _ if length.is_some_and(|length| length > 0) => {
            corrected = Some("it has a length but no transition, so it was read as a dissolve");
            Code::Dissolve
        }
        _ => {
            corrected = Some("it does not say how it begins, so it was read as a cut");
            Code::Cut
        }
    };
    let channels = match rest {
        [before @ .., (_, word)] if channels(word).is_some() => {
            rest = before;
            channels(word)?
        }
        _ => {
            corrected = Some("it names no channel that is known, so it was read as picture");
            Channels { video: Some(1), audio: Vec::new() }
        }
    };
    let reel = match (rest.first(), rest.last()) {
        (Some((start, _)), Some((end, last))) => line.get(*start..end + last.len())?,
        _ => {
            corrected = Some("it names no reel");
            ""
        }
    };
    Some(Event { number, reel, channels, code, length, times, corrected })
}

/// Where the last four times of an event start: timecode, or numbers of frames.
fn times_at(words: &[(usize, &str)]) -> Option<usize> {
    let mut run = 0;
    for (index, (_, word)) in words.iter().enumerate().rev() {
        run = if is_label(word) { run + 1 } else { 0 };
        if run == 4 {
            return Some(index);
        }
    }
    let at = words.len().checked_sub(4)?;
    words.get(at..)?.iter().all(|(_, word)| is_number(word)).then_some(at)
}

fn code(word: &str) -> Option<Code> {
    Some(match word.to_ascii_uppercase().as_str() {
        "C" => Code::Cut,
        "D" => Code::Dissolve,
        "K" | "KB" | "KO" => Code::Key,
        wipe if wipe.len() <= 4 && wipe.strip_prefix('W').is_some_and(is_number) => {
            Code::Wipe(wipe.to_owned())
        }
        _ => return None,
    })
}

/// Whether `kind` is the second word of `K B` or `K O`.
fn key_part(before: &[(usize, &str)], kind: &str) -> bool {
    key_part_of(kind) && before.last().is_some_and(|(_, word)| word.eq_ignore_ascii_case("K"))
}

fn key_part_of(word: &str) -> bool {
    word.eq_ignore_ascii_case("B") || word.eq_ignore_ascii_case("O")
}

/// Reads `V`, `A2`, `AA`, `B`, `AA/V`, `A1A2`, `NONE` and the like.
fn channels(word: &str) -> Option<Channels> {
    let word = word.to_ascii_uppercase();
    let mut found = Channels::default();
    if word == "NONE" {
        return Some(found);
    }
    for part in word.split('/') {
        match part {
            "B" => {
                found.video = Some(1);
                found.audio.push(1);
            }
            "AA" => found.audio.extend([1, 2]),
            part => letters(part, &mut found)?,
        }
    }
    found.audio.sort_unstable();
    found.audio.dedup();
    Some(found)
}

/// Reads `V`, `V2`, `A`, `A3`, and several of them in a row.
fn letters(mut part: &str, found: &mut Channels) -> Option<()> {
    if part.is_empty() || part.len() > 32 {
        return None;
    }
    while let Some(kind) = part.chars().next() {
        let rest = part.get(1..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = match rest.get(..digits)? {
            "" => 1,
            digits => digits.parse().ok().filter(|number| (1..=64).contains(number))?,
        };
        match kind {
            'V' if found.video.is_none() => found.video = Some(number),
            'A' => found.audio.push(number),
            _ => return None,
        }
        part = rest.get(digits..)?;
    }
    Some(())
}

fn motion(text: &str) -> Option<Speed<'_>> {
    let words = words(text);
    let (at, words) = match words.as_slice() {
        [before @ .., (_, last)] if is_label(last) => (Some(*last), before),
        words => (None, words),
    };
    let (&(_, fps), reel) = words.split_last()?;
    let number = fps.strip_prefix(['-', '+']).unwrap_or(fps);
    if !number.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    let reel = match (reel.first(), reel.last()) {
        (Some((start, _)), Some((end, last))) => text.get(*start..end + last.len())?,
        _ => "",
    };
    Some(Speed { reel, fps, at })
}

fn locator(text: &str) -> Option<Locator<'_>> {
    let (at, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !is_label(at) {
        return None;
    }
    let rest = rest.trim();
    let (word, name) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some(if is_color(word) {
        Locator { at, color: Some(word), name: name.trim() }
    } else {
        Locator { at, color: None, name: rest }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: &str = "01:00:00:00 01:00:01:00 00:00:00:00 00:00:01:00";

    fn read(before: &str) -> (String, Option<u16>, Vec<u16>, Code, Option<i64>, bool) {
        let line = format!("001  {before} {TIMES} ");
        let Line::Event(event) = parse(&line) else { panic!("{line} is no event") };
        let Channels { video, audio } = event.channels;
        let corrected = event.corrected.is_some();
        (event.reel.into(), video, audio, event.code, event.length, corrected)
    }

    #[test]
    fn events_are_read_from_the_right() {
        let wipe = || Code::Wipe("W001".into());
        for (line, reel, video, audio, code, length, corrected) in [
            ("AX       V     C       ", "AX", Some(1), vec![], Code::Cut, None, false),
            (
                "MY  REEL 2 V  D    010",
                "MY  REEL 2",
                Some(1),
                vec![],
                Code::Dissolve,
                Some(10),
                false,
            ),
            ("BL AA W001 025", "BL", None, vec![1, 2], wipe(), Some(25), false),
            ("010 AA/V C", "010", Some(1), vec![1, 2], Code::Cut, None, false),
            ("X B C", "X", Some(1), vec![1], Code::Cut, None, false),
            ("X A2/V C", "X", Some(1), vec![2], Code::Cut, None, false),
            ("X A1A2 C", "X", None, vec![1, 2], Code::Cut, None, false),
            ("X V2 C", "X", Some(2), vec![], Code::Cut, None, false),
            ("X NONE C", "X", None, vec![], Code::Cut, None, false),
            ("X V K B 000", "X", Some(1), vec![], Code::Key, Some(0), false),
            ("X V K 030", "X", Some(1), vec![], Code::Key, Some(30), false),
            ("X V KO", "X", Some(1), vec![], Code::Key, None, false),
            ("X V 010", "X", Some(1), vec![], Code::Dissolve, Some(10), true),
            ("X V", "X", Some(1), vec![], Code::Cut, None, true),
            ("X C", "X", Some(1), vec![], Code::Cut, None, true),
            ("         V     C       ", "", Some(1), vec![], Code::Cut, None, true),
        ] {
            let want = (reel.to_owned(), video, audio, code, length, corrected);
            assert_eq!(read(line), want, "{line}");
        }
        let Line::Event(event) = parse("12 AX V C 0 25 100 125") else { panic!() };
        assert_eq!(event.times, ["0", "25", "100", "125"]);
        for other in ["001 AX V C", "2nd version", "001", "1 2 3", "001 00:00:00:00 1 2 3 x"] {
            assert!(matches!(parse(other), Line::Other(_)), "{other}");
        }
    }

    #[test]
    fn comments_are_read_with_and_without_a_space() {
        for line in ["* FROM CLIP NAME:  a b", "*FROM CLIP NAME: a b ", "FROM CLIP NAME: a b"] {
            assert_eq!(parse(line), Line::FromName("a b"), "{line}");
        }
        let at = "01:00:00:00";
        for (rest, color, name) in [
            ("RED     FIX IT", Some("RED"), "FIX IT"),
            ("GREEN", Some("GREEN"), ""),
            ("redo this", None, "redo this"),
        ] {
            let line = format!("*LOC: {at} {rest}");
            assert_eq!(parse(&line), Line::Locator(Locator { at, color, name }), "{line}");
        }
        let speed = |reel, fps, at| Line::Speed(Speed { reel, fps, at });
        assert_eq!(parse("M2   A B  -25.0    01:00:00:00 "), speed("A B", "-25.0", Some(at)));
        assert_eq!(parse("M2 AX 050.0"), speed("AX", "050.0", None));
        assert_eq!(parse("AUD  3    4"), Line::Channels(vec![3, 4]));
        assert_eq!(parse("FCM: DROP FRAME"), Line::Fcm(true));
        assert_eq!(parse("fcm: non-drop frame"), Line::Fcm(false));
        assert_eq!(parse("* REEL MAP: A_1 = a 1"), Line::ReelMap("A_1", "a 1"));
        for other in ["* LOC: nowhere", "M2", "M2 AX fast", "AUD", "AUD 3 x", "é*é", "M2é"] {
            assert!(matches!(parse(other), Line::Other(_)), "{other}");
        }
    }
}
