//! The form of pictures and sound, in one line each, so that a reader knows them again.

use super::foreign::OWN;
use super::frames::is_sayable;
use crate::time::Rate;

/// How many outputs a sequence has where nothing else is said.
pub(super) const OUTPUT_COUNT: &str = "<numOutputChannels>2</numOutputChannels>";

/// Two outputs, left and right, without which Premiere drops stereo tracks.
pub(super) const OUTPUTS: &str = "<outputs>\
    <group><index>1</index><numchannels>1</numchannels><downmix>0</downmix>\
    <channel><index>1</index></channel></group>\
    <group><index>2</index><numchannels>1</numchannels><downmix>0</downmix>\
    <channel><index>2</index></channel></group></outputs>";

/// The picture of a sequence.
pub(super) fn picture_format(rate: Rate, width: u32, height: u32) -> String {
    format!(
        "<format><samplecharacteristics>{}<width>{width}</width><height>{height}</height>{DEFAULTS}\
         <colordepth>24</colordepth></samplecharacteristics></format>",
        self::rate(rate)
    )
}

/// The sound of a sequence.
pub(super) fn sound_format(sample_rate: u32) -> String {
    format!(
        "<format><samplecharacteristics><depth>16</depth><samplerate>{sample_rate}</samplerate>\
         </samplecharacteristics></format>"
    )
}

/// The stream of pictures of a file.
pub(super) fn picture(rate: Option<Rate>, width: Option<u32>, height: Option<u32>) -> String {
    let mut text = String::from("<video><samplecharacteristics>");
    text.extend(rate.map(self::rate));
    text.extend(width.map(|width| format!("<width>{width}</width>")));
    text.extend(height.map(|height| format!("<height>{height}</height>")));
    text.push_str(DEFAULTS);
    text.push_str("</samplecharacteristics></video>");
    text
}

/// The stream of sound of a file.
pub(super) fn sound(channels: u32) -> String {
    format!(
        "<audio><samplecharacteristics><depth>16</depth><samplerate>48000</samplerate>\
         </samplecharacteristics><channelcount>{channels}</channelcount></audio>"
    )
}

/// What Premiere says of every picture.
const DEFAULTS: &str = "<anamorphic>FALSE</anamorphic><pixelaspectratio>square</pixelaspectratio>\
    <fielddominance>none</fielddominance>";

fn rate(rate: Rate) -> String {
    let sayable = is_sayable(rate);
    let own = if sayable { String::new() } else { format!(" {OWN}rate=\"{rate}\"") };
    let ntsc = if sayable && rate.den() != 1 { "TRUE" } else { "FALSE" };
    format!("<rate{own}><timebase>{}</timebase><ntsc>{ntsc}</ntsc></rate>", rate.nominal())
}
