//! One job from its submission to its stored files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;

use crate::backend::{OutputFile, Outputs, PutFileOptions, TranscodeJob};
use crate::error::{Error, ErrorKind, Result};
use crate::local::jobs::Job;
use crate::local::picture::{self, Cell, Sheet};
use crate::local::tools::Tool;
use crate::local::work::{self, WorkDir};
use crate::model::{AssetKind, Derivation, NewAnnotation, Role};
use crate::time::MediaTime;

use super::compile::{AUDIO_PROXY, PROXY, WAVEFORM_SAMPLES, poster, thumb};
use super::run::Ran;
use super::waveform::waveform;
use super::{Evidence, Plan, findings, is_there, run};

const OPERATION: &str = "transcoder.job";
const POSTER: &str = "poster.jpg";
const STORYBOARD: &str = "storyboard.jpg";
const STORYBOARD_INDEX: &str = "storyboard.vtt";
const WAVEFORM: &str = "waveform.dat";
const JPEG: &str = "image/jpeg";

/// All that a job needs, owned, so that it can run on its own.
#[derive(Debug)]
pub(super) struct Making {
    pub(super) plan: Plan,
    pub(super) ffmpeg: Tool,
    pub(super) work_dir: PathBuf,
    pub(super) input: PathBuf,
    pub(super) job: TranscodeJob,
}

/// A file that waits to be stored.
#[derive(Debug, Clone)]
struct Waiting {
    role: Role,
    part: u32,
    media_type: &'static str,
    file: PathBuf,
    /// Its name in the destination.
    name: String,
}

impl Making {
    /// Does the job. Whatever comes of it, the work folder is gone afterwards.
    pub(super) async fn make(self, this: Arc<Job<Outputs>>) -> Result<Outputs> {
        let name = self.job.source.file_name.clone();
        let result = self.made(&this).await;
        result.map_err(|error| error.with("file", name.escape_debug()))
    }

    async fn made(self, this: &Job<Outputs>) -> Result<Outputs> {
        let picture = self.job.technical.kind == AssetKind::Image;
        if !picture && !self.plan.runs {
            return Ok(Outputs::default());
        }
        let (root, id) = (self.work_dir.clone(), this.id.clone());
        let work = blocking(move || {
            work::sweep(&root)?;
            WorkDir::create(&root, &id, OPERATION)
        })
        .await?;
        let making = Arc::new(self);
        let outputs = if picture {
            making.picture(&work, this).await
        } else {
            making.media(&work, this).await
        };
        // Emptying a folder waits for the disk.
        blocking(move || {
            drop(work);
            Ok(())
        })
        .await?;
        outputs
    }

    async fn picture(self: Arc<Self>, work: &WorkDir, this: &Job<Outputs>) -> Result<Outputs> {
        let (making, folder) = (Arc::clone(&self), work.path().to_owned());
        let made = blocking(move || {
            let picture = making.job.technical.picture.as_ref();
            picture::render(&making.input, picture, &making.job.profile.outputs, &folder)
        })
        .await?;
        this.progress(0.9);
        let waiting = made.into_iter().map(|made| Waiting {
            role: made.role,
            part: 0,
            media_type: JPEG,
            name: made.file.file_name().map_or_else(String::new, |n| n.to_string_lossy().into()),
            file: made.file,
        });
        let files = self.store(waiting.collect(), this).await?;
        let tool = format!("emam {}", env!("CARGO_PKG_VERSION"));
        Ok(Outputs { files, derivation: Some(self.derivation(tool)), ..Outputs::default() })
    }

    async fn media(self: Arc<Self>, work: &WorkDir, this: &Job<Outputs>) -> Result<Outputs> {
        let folder = work.path();
        let (tell, told) = oneshot::channel::<()>();
        let running = run(&self.ffmpeg, &self.plan, folder, this, OPERATION, || {
            // Nobody listens any more when the job is being dropped.
            let _ = tell.send(());
        });
        // The poster is stored while the rest is being made.
        let early = async {
            if told.await.is_err() {
                return Ok(None);
            }
            let frame = self.plan.poster.unwrap_or(0);
            let file = self.store_one(&early_poster(folder, frame)).await?;
            this.ready(file.clone());
            Ok::<_, Error>(Some(file))
        };
        let (ran, early) = tokio::join!(running, early);
        let (ran, early) = (ran?, early?);

        let (making, folder) = (Arc::clone(&self), folder.to_owned());
        let has_poster = early.is_some();
        let (waiting, found) = blocking(move || making.finish(&folder, ran, has_poster)).await?;
        let mut files: Vec<OutputFile> = early.into_iter().collect();
        files.extend(self.store(waiting, this).await?);
        files.sort_by_key(|file| (file.role, file.part));
        Ok(Outputs {
            files,
            findings: found,
            searched: self.plan.findings.clone(),
            audio_channels: self.plan.audio_channels.clone(),
            derivation: Some(self.derivation(format!("ffmpeg {}", self.ffmpeg.version.text))),
        })
    }

    /// Makes what ffmpeg does not make, and lists what is to be stored.
    fn finish(
        &self,
        folder: &Path,
        ran: Ran,
        has_poster: bool,
    ) -> Result<(Vec<Waiting>, Vec<NewAnnotation>)> {
        let plan = &self.plan;
        let undecodable = |what: &'static str| {
            let message = "nothing of the media could be decoded; it is damaged or cut off";
            Error::new(ErrorKind::InvalidMedia, OPERATION, message).with("missing", what)
        };
        let mut waiting = Vec::new();
        let mut add = |role, part, media_type, name: &str| {
            let file = folder.join(name);
            waiting.push(Waiting { role, part, media_type, file, name: name.to_owned() });
        };
        if plan.proxy {
            if ran.frames == 0 || !is_there(&folder.join(PROXY)) {
                return Err(undecodable("proxy"));
            }
            add(Role::Proxy, 0, "video/mp4", PROXY);
        }
        if plan.audio_proxy {
            if ran.reached == 0 || !is_there(&folder.join(AUDIO_PROXY)) {
                return Err(undecodable("audio_proxy"));
            }
            add(Role::AudioProxy, 0, "audio/mp4", AUDIO_PROXY);
        }
        if let Some(frame) = plan.poster.filter(|_| !has_poster) {
            let first = poster(0);
            let wanted = poster(u32::from(frame > 0));
            let name = [wanted, first].into_iter().find(|name| is_there(&folder.join(name)));
            let name = name.ok_or_else(|| undecodable("poster"))?;
            std::fs::rename(folder.join(name), folder.join(POSTER))
                .map_err(|cause| work::disk(OPERATION, cause))?;
            add(Role::Poster, 0, JPEG, POSTER);
        }
        let mut thumbs = Vec::new();
        if plan.thumbs.is_some() {
            thumbs = (0..).map(thumb).take_while(|name| is_there(&folder.join(name))).collect();
        }
        if plan.thumbs.is_some_and(|thumbs| thumbs.stored) {
            for (part, name) in (0_u32..).zip(&thumbs) {
                add(Role::Thumbnail, part, JPEG, name);
            }
        }
        if !thumbs.is_empty() && self.storyboard(folder, &thumbs)? {
            add(Role::Storyboard, 0, JPEG, STORYBOARD);
            add(Role::Storyboard, 1, "text/vtt", STORYBOARD_INDEX);
        }
        if let Some(spec) = &plan.waveform {
            waveform(&folder.join(WAVEFORM_SAMPLES), &folder.join(WAVEFORM), spec)
                .map_err(|cause| work::disk(OPERATION, cause))?;
            add(Role::Waveform, 0, "application/octet-stream", WAVEFORM);
        }
        let counted = plan.proxy.then_some(ran.frames);
        let evidence = Evidence {
            folder,
            technical: &self.job.technical,
            picture: plan.picture(counted),
            loudness: ran.loudness,
        };
        let found = findings(&plan.findings, &evidence)?;
        Ok((waiting, found))
    }

    fn storyboard(&self, folder: &Path, thumbs: &[String]) -> Result<bool> {
        let (Some(spec), Some(of)) = (&self.plan.storyboard, self.plan.thumbs) else {
            return Ok(false);
        };
        let end = self.plan.length.and_then(|length| length.rescale_nearest(of.rate).ok());
        let at = |number: i64| MediaTime::new(number.saturating_mul(of.every), of.rate);
        let cells: Vec<Cell> = (0_i64..)
            .zip(thumbs)
            .map(|(number, name)| {
                let next = at(number + 1);
                // The last one lasts to the end of the media, where that is known.
                let end = end.filter(|end| end.value() > at(number).value());
                let end =
                    end.map_or(next, |end| if end.value() < next.value() { end } else { next });
                Cell { file: folder.join(name), start: at(number), end }
            })
            .collect();
        let (picture, index) = (folder.join(STORYBOARD), folder.join(STORYBOARD_INDEX));
        let to = Sheet { picture: &picture, index: &index, name: STORYBOARD };
        picture::sheet(&cells, spec, &to)?;
        Ok(true)
    }

    async fn store(&self, waiting: Vec<Waiting>, this: &Job<Outputs>) -> Result<Vec<OutputFile>> {
        let mut files = Vec::with_capacity(waiting.len());
        for one in &waiting {
            if this.is_stopped() {
                return Err(Error::new(ErrorKind::Cancelled, OPERATION, "stopped as asked"));
            }
            let file = self.store_one(one).await?;
            this.ready(file.clone());
            files.push(file);
        }
        Ok(files)
    }

    async fn store_one(&self, one: &Waiting) -> Result<OutputFile> {
        let key = self.job.prefix.join(&one.name)?;
        let options = PutFileOptions {
            create_only: false,
            consume: true,
            media_type: Some(one.media_type.to_owned()),
        };
        let stat = self.job.destination.put_file(&key, &one.file, options).await?;
        let media_type = one.media_type.to_owned();
        Ok(OutputFile { role: one.role, part: one.part, media_type, key, size: stat.size })
    }

    fn derivation(&self, tool: String) -> Derivation {
        let input = self.input.to_string_lossy();
        let media = format!("file:{}", self.job.source.file_name);
        let arguments = self.plan.arguments.iter().map(|argument| {
            // Where the original lay is no fact about how the rendition was made.
            let argument = argument.to_string_lossy();
            let is_input = argument.strip_prefix("file:").is_some_and(|path| *path == *input);
            if is_input { media.clone() } else { argument.into_owned() }
        });
        let is_picture = self.job.technical.kind == AssetKind::Image;
        Derivation {
            profile: self.job.profile.name.clone(),
            tool,
            arguments: if is_picture { Vec::new() } else { arguments.collect() },
            run: None,
        }
    }
}

fn early_poster(folder: &Path, frame: i64) -> Waiting {
    Waiting {
        role: Role::Poster,
        part: 0,
        media_type: JPEG,
        file: folder.join(poster(u32::from(frame > 0))),
        name: POSTER.to_owned(),
    }
}

/// Runs work that waits for the disk or takes the processor for long off the async threads. A
/// decoder's panic is the file's fault.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|cause| {
        let message = "the picture broke its decoder; it is damaged";
        Error::new(ErrorKind::InvalidMedia, OPERATION, message).caused_by(cause)
    })?
}
