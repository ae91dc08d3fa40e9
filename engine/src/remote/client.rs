//! Asks object stores, and waits for their answers.

use super::url::{ObjectUrl, redacted};
use crate::control::Control;
use crate::error::{Error, Result};
use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, ClientOptions, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
    RetryConfig, WriteMultipart,
};
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

/// How often a request is tried again that failed for a reason that may pass, how long at most, and the shortest and the longest
/// pause in between, which grow and are partly chance.
const RETRIES: usize = 20;
const RETRY_TIME: Duration = Duration::from_secs(60);
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(10)];
/// Longest time that a connection takes, that no byte comes to who reads, and that a request takes.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(30);
const REQUEST: Duration = Duration::from_secs(15 * 60);
/// How often answers are asked for anew that were not whole.
const ATTEMPTS: u32 = 4;
/// How often somebody who waits looks whether the work has ended.
const TICK: Duration = Duration::from_millis(50);
/// Longest message of a server that is told, in characters.
const LONGEST_MESSAGE: usize = 500;
/// Bytes of each part of what is uploaded, and parts that are on their way at once. S3 takes 10,000 parts: 160 GB.
const PART: usize = 16 << 20;
const PARTS_AT_ONCE: usize = 3;
/// The largest file that web servers are given: they take it in one piece, which is held in memory.
const LARGEST_PUT: u64 = 512 << 20;

/// What tells one state of an object from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Bytes.
    pub(crate) size: u64,
    /// Sum or number of this state, where the server has any.
    e_tag: Option<String>,
    /// When it was written, in milliseconds since 1970.
    modified: i64,
}

impl Stat {
    fn of(meta: ObjectMeta) -> Self {
        let modified = meta.last_modified.timestamp_millis();
        // Weak ones do not stand for bytes, and may not be asked for.
        let e_tag = meta.e_tag.filter(|tag| !tag.starts_with("W/"));
        Self { size: meta.size, e_tag, modified }
    }

    /// Tells whether it is enough to know a state again.
    pub(super) fn has_tag(&self) -> bool {
        self.e_tag.is_some()
    }
}

/// Talks to the server of one URL. All of it waits for answers, and stops waiting when the work ends: then there is
/// [`Error::Cancelled`].
#[derive(Clone, Debug)]
pub(crate) struct Client {
    reader: Arc<dyn ObjectStore>,
    /// The same for who writes: while bytes go out none comes, however long that takes.
    writer: Arc<dyn ObjectStore>,
    background: Arc<Background>,
    url: ObjectUrl,
    control: Control,
}

/// The thread on which answers come in.
#[derive(Debug)]
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        // Looking up a name can take long, and nobody needs it any more.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// An answer that has not come yet; nobody wants it any more once this is dropped.
#[derive(Debug)]
pub(super) struct Pending<T> {
    answer: mpsc::Receiver<io::Result<T>>,
    task: AbortHandle,
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// For the object at `url` and those below it; asks nothing yet.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a URL, or settings in the environment, that cannot be; [`Error::Io`].
    pub(crate) fn new(url: &ObjectUrl, control: &Control) -> Result<Self> {
        let bad = |why: &str| Error::invalid("URL", url, why);
        if url.has_user() {
            let why = "a user and a password are sent by libav alone: allow the protocols https, tls and tcp";
            return Err(bad(why));
        }
        let [reader, writer] = [Some(SILENCE), None].map(|silence| open(url, silence));
        let cannot_be = |error: object_store::Error| bad(&format!("cannot be used: {}", message(&error)));
        let (reader, writer) = (reader.map_err(cannot_be)?, writer.map_err(cannot_be)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("remote")
            .enable_all()
            .build()
            .map_err(Error::io(url.to_string(), "cannot start a thread"))?;
        let background = Arc::new(Background(Some(runtime)));
        let client = Self { reader, writer, background, url: url.clone(), control: control.clone() };
        client.key("").map_err(|error| bad(&format!("cannot be used: {error}")))?;
        Ok(client)
    }

    /// Its URL.
    pub(crate) fn url(&self) -> &ObjectUrl {
        &self.url
    }

    /// Makes an error about an object of what was waited for; for use in `map_err`.
    pub(crate) fn error(&self, name: &str, action: &'static str) -> impl FnOnce(io::Error) -> Error + use<> {
        let (place, ended) = (self.place(name).to_string(), self.control.check().err());
        move |cause| ended.unwrap_or_else(|| Error::io(place, action)(cause))
    }

    fn place(&self, name: &str) -> ObjectUrl {
        if name.is_empty() { self.url.clone() } else { self.url.join(name) }
    }

    /// Where to read an object.
    fn to_read(&self, name: &str) -> io::Result<(Arc<dyn ObjectStore>, Key)> {
        Ok((self.store_of(name, &self.reader, Some(SILENCE))?, self.key(name)?))
    }

    /// Where to write it.
    fn to_write(&self, name: &str) -> io::Result<(Arc<dyn ObjectStore>, Key)> {
        Ok((self.store_of(name, &self.writer, None)?, self.key(name)?))
    }

    /// Finds the store of an object: what lies at a URL with a query is asked for by its whole URL, which is that of a store of its own.
    fn store_of(
        &self,
        name: &str,
        own: &Arc<dyn ObjectStore>,
        silence: Option<Duration>,
    ) -> io::Result<Arc<dyn ObjectStore>> {
        let place = self.place(name);
        let is_own = name.is_empty() || place.query().is_none();
        if is_own { Ok(Arc::clone(own)) } else { open(&place, silence).map_err(|error| as_io(&error)) }
    }

    fn key(&self, name: &str) -> io::Result<Key> {
        let place = self.place(name);
        let path = match place.key() {
            // It is asked for by its whole URL.
            _ if place.query().is_some() => Ok(Key::ROOT),
            path if place.is_http() => Key::from_url_path(path),
            key => Key::parse(key),
        };
        path.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))
    }

    /// Begins to ask.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        question: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> io::Result<Pending<T>> {
        let (give, answer) = mpsc::sync_channel(1);
        let runtime = self.background.0.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        // Nobody may want it any more.
        let task = runtime.spawn(async move { drop(give.send(question.await)) });
        Ok(Pending { answer, task: task.abort_handle() })
    }

    /// Waits for an answer.
    pub(super) fn wait<T>(&self, pending: &Pending<T>) -> io::Result<T> {
        loop {
            match pending.answer.recv_timeout(TICK) {
                Ok(answer) => return answer,
                Err(mpsc::RecvTimeoutError::Timeout) if self.control.is_cancelled() => {
                    return Err(io::Error::other("cancelled"));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }

    fn ask<T: Send + 'static>(&self, question: impl Future<Output = io::Result<T>> + Send + 'static) -> io::Result<T> {
        self.wait(&self.begin(question)?)
    }

    /// Learns what an object is; none where there is none.
    pub(crate) fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        let (store, key) = self.to_read(name)?;
        let found = self.ask(async move {
            // A signature for reading is often not one for asking what would be read: so the first byte is read.
            let options = GetOptions { range: Some(GetRange::Bounded(0..1)), ..GetOptions::default() };
            let meta = match store.get_opts(&key, options).await {
                Ok(found) => Ok(found.meta),
                // There is no first byte (416), or whoever serves it gives no parts.
                Err(error)
                    if matches!(error, object_store::Error::NotSupported { .. })
                        || error.to_string().contains("416") =>
                {
                    store.head(&key).await
                }
                Err(error) => Err(error),
            };
            meta.map_err(|error| as_io(&error))
        });
        match found {
            Ok(meta) => Ok(Some(Stat::of(meta))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Begins to read bytes of an object in the state that `stat` tells of.
    pub(super) fn begin_range(&self, name: &str, stat: &Stat, range: Range<u64>) -> io::Result<Pending<Bytes>> {
        let (store, key) = self.to_read(name)?;
        let stat = stat.clone();
        self.begin(async move { whole_range(&*store, &key, &stat, range).await })
    }

    /// Reads all bytes of a small object; none where there is none.
    pub(crate) fn read(&self, name: &str, most: u64) -> io::Result<Option<Vec<u8>>> {
        let Some(stat) = self.stat(name)? else { return Ok(None) };
        if stat.size > most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if stat.size == 0 {
            return Ok(Some(Vec::new()));
        }
        let bytes = self.wait(&self.begin_range(name, &stat, 0..stat.size)?)?;
        Ok(Some(bytes.into()))
    }

    /// Reads an object in pieces, in order.
    pub(crate) fn download(
        &self,
        name: &str,
        stat: &Stat,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut begins = (0..stat.size).step_by(PART);
        let piece = |begin| self.begin_range(name, stat, begin..(begin + PART as u64).min(stat.size));
        let mut next = begins.next().map(piece).transpose()?;
        while let Some(pending) = next {
            next = begins.next().map(piece).transpose()?;
            take(&self.wait(&pending)?)?;
        }
        Ok(())
    }

    /// Writes a small object; with `create` only where there is none.
    pub(crate) fn write(&self, name: &str, bytes: Vec<u8>, create: bool) -> io::Result<()> {
        let (store, key) = self.to_write(name)?;
        // Not all servers know how to ask for that.
        if create && self.url.is_http() && self.stat(name)?.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let mode = if create && !self.url.is_http() { PutMode::Create } else { PutMode::Overwrite };
        self.ask(async move {
            let put = store.put_opts(&key, PutPayload::from(bytes), mode.into()).await;
            put.map(drop).map_err(|error| as_io(&error))
        })
    }

    /// Writes a file, from its beginning to its end, which appears when all of it is there, and checks its size there.
    pub(crate) fn upload(&self, name: &str, file: &mut (impl Read + Seek)) -> io::Result<()> {
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let one_piece = size <= PART as u64 || self.url.is_http();
        if self.url.is_http() && size > LARGEST_PUT {
            let why = format!("web servers are given files of {} MB at most; use an object store", LARGEST_PUT >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        if one_piece {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            self.write(name, bytes, false)?;
        } else {
            self.upload_parts(name, file)?;
        }
        let there = self.stat(name)?.map(|stat| stat.size);
        if there == Some(size) {
            return Ok(());
        }
        let there = there.map_or("nothing".to_owned(), |there| format!("{there} bytes"));
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{size} bytes were written, and {there} is there")))
    }

    fn upload_parts(&self, name: &str, file: &mut impl Read) -> io::Result<()> {
        let (store, key) = self.to_write(name)?;
        let (give, mut parts) = tokio::sync::mpsc::channel::<Bytes>(1);
        let sent = self.begin(async move {
            let failed = |error: object_store::Error| as_io(&error);
            let mut upload =
                WriteMultipart::new_with_chunk_size(store.put_multipart(&key).await.map_err(failed)?, PART);
            while let Some(part) = parts.recv().await {
                // An empty one says that there will be no end.
                if part.is_empty() {
                    upload.abort().await.map_err(failed)?;
                    return Err(io::ErrorKind::BrokenPipe.into());
                }
                if let Err(error) = upload.wait_for_capacity(PARTS_AT_ONCE).await {
                    // What was sent takes room until then.
                    let _ = upload.abort().await;
                    return Err(failed(error));
                }
                upload.put(part);
            }
            upload.finish().await.map(drop).map_err(failed)
        })?;
        let mut given = Ok(());
        loop {
            let mut part = Vec::with_capacity(PART);
            match file.by_ref().take(PART as u64).read_to_end(&mut part) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => given = Err(error),
            }
            let part = if self.control.is_cancelled() || given.is_err() { Bytes::new() } else { part.into() };
            let is_end = part.is_empty();
            // Who takes them has failed, and says why.
            if give.blocking_send(part).is_err() || is_end {
                break;
            }
        }
        drop(give);
        let sent = sent.answer.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        given.and(sent)
    }

    /// Lists the names of the objects right below the URL.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let (store, key) = self.to_read("")?;
        let list =
            self.ask(async move { store.list_with_delimiter(Some(&key)).await.map_err(|error| as_io(&error)) })?;
        Ok(list.objects.iter().filter_map(|object| object.location.filename()).map(str::to_owned).collect())
    }

    /// Removes an object, if there is one.
    pub(crate) fn delete(&self, name: &str) -> io::Result<()> {
        let (store, key) = self.to_write(name)?;
        let gone = self.ask(async move { store.delete(&key).await.map_err(|error| as_io(&error)) });
        gone.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    }
}

/// Reads bytes of an object, all of them: answers that are cut short are asked for anew.
async fn whole_range(store: &dyn ObjectStore, key: &Key, stat: &Stat, range: Range<u64>) -> io::Result<Bytes> {
    let wanted = range.end - range.start;
    let mut attempt = 1;
    loop {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: stat.e_tag.clone(),
            ..GetOptions::default()
        };
        let answer = match store.get_opts(key, options).await {
            // Another state than the one that was opened, where the server cannot tell that by itself.
            Ok(answer) if Stat::of(answer.meta.clone()) != *stat => return Err(changed()),
            Ok(answer) => answer.bytes().await,
            Err(error) => return Err(as_io(&error)),
        };
        let error = match answer {
            Ok(bytes) if bytes.len() as u64 == wanted => return Ok(bytes),
            Ok(bytes) => {
                let why = format!("the server gave {} bytes of {wanted}", bytes.len());
                io::Error::new(io::ErrorKind::UnexpectedEof, why)
            }
            Err(error) => as_io(&error),
        };
        if attempt == ATTEMPTS {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(100) * attempt.pow(2)).await;
        attempt += 1;
    }
}

fn changed() -> io::Error {
    io::Error::new(io::ErrorKind::StaleNetworkFileHandle, "it has been changed since it was opened")
}

/// With the longest time that no byte may come.
fn open(url: &ObjectUrl, silence: Option<Duration>) -> object_store::Result<Arc<dyn ObjectStore>> {
    let [init_backoff, max_backoff] = PAUSES;
    let backoff = BackoffConfig { init_backoff, max_backoff, ..BackoffConfig::default() };
    let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_TIME };
    let options =
        ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(REQUEST).with_allow_http(is_plain(url));
    let options = match silence {
        Some(silence) => options.with_read_timeout(silence),
        None => options.with_read_timeout_disabled(),
    };
    Ok(match url.scheme() {
        "s3" => {
            let builder = AmazonS3Builder::from_env().with_client_options(options);
            Arc::new(builder.with_bucket_name(url.host()).with_retry(retry).build()?)
        }
        "gs" => {
            let builder = GoogleCloudStorageBuilder::from_env().with_client_options(options);
            Arc::new(builder.with_bucket_name(url.host()).with_retry(retry).build()?)
        }
        "az" => {
            let builder = MicrosoftAzureBuilder::from_env().with_client_options(options);
            Arc::new(builder.with_container_name(url.host()).with_retry(retry).build()?)
        }
        _ => {
            let server = format!("{}://{}", url.scheme(), url.host());
            let place = if url.query().is_some() { url.secret() } else { &server };
            Arc::new(HttpBuilder::new().with_url(place).with_client_options(options).with_retry(retry).build()?)
        }
    })
}

/// Tells whether the user has asked for connections that are not encrypted: by the URL, or by that of the provider's place.
fn is_plain(url: &ObjectUrl) -> bool {
    let named: &[&str] = match url.scheme() {
        "http" => return true,
        "s3" => &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"],
        "az" => &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"],
        "gs" => &["GOOGLE_BASE_URL"],
        _ => return false,
    };
    named.iter().any(|name| std::env::var(name).is_ok_and(|place| place.starts_with("http://")))
}

/// Says what an object store says as the system would.
fn as_io(error: &object_store::Error) -> io::Error {
    use object_store::Error::{AlreadyExists, NotFound, NotSupported, PermissionDenied, Precondition, Unauthenticated};
    let kind = match error {
        NotFound { .. } => return io::ErrorKind::NotFound.into(),
        AlreadyExists { .. } => return io::ErrorKind::AlreadyExists.into(),
        Precondition { .. } => return changed(),
        PermissionDenied { .. } | Unauthenticated { .. } => io::ErrorKind::PermissionDenied,
        NotSupported { .. } => {
            let why = "the server does not give parts of files, which are needed: save it and give the file";
            return io::Error::new(io::ErrorKind::Unsupported, why);
        }
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, message(error))
}

/// Tells of an error what people may see: servers repeat keys and signatures in the documents that they answer with, of which
/// the code is told alone.
fn message(error: &object_store::Error) -> String {
    // A generic error says no more than what it is about.
    let text = match error {
        object_store::Error::Generic { source, .. } => source.to_string(),
        error => error.to_string(),
    };
    let (head, document) = text.split_once('<').unwrap_or((&text, ""));
    let code =
        document.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    let mut told = head.split_whitespace().chain(code.split_whitespace()).collect::<Vec<_>>().join(" ");
    // The system's own reason lies deepest, such as a connection that was refused.
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = cause.to_string();
    if !cause.contains('<') && !told.contains(&cause) {
        told = format!("{told}: {cause}");
    }
    redacted(&told).chars().take(LONGEST_MESSAGE).collect()
}

/// Makes a client for a path that is a URL.
pub(super) fn client_of(path: &Path, control: &Control) -> Result<Client> {
    let url = ObjectUrl::of(path);
    let url = url.ok_or_else(|| Error::invalid("URL", path.display(), "is none of an object store"))?;
    Client::new(&url, control)
}

/// Makes a folder on this machine for what is put together before it is uploaded, or was fetched.
///
/// # Errors
/// [`Error::Io`].
pub(crate) fn scratch() -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("upright-").tempdir();
    folder.map_err(Error::io(std::env::temp_dir(), "cannot write into the folder"))
}
