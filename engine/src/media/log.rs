//! libav's log, sent to the `log` crate under the target `libav`.
//!
//! libav calls an error what to Upright is a count in [`super::Damage`] or the cause of an error value, so its errors
//! come out as `debug` and the rest as `trace`; only what libav itself holds fatal is a warning.

#![expect(unsafe_code, reason = "libav is C")]

use super::ffi;
use ffmpeg_sys_next as av;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Once;

/// Takes libav's log over for the whole process. To be called before any other libav function, as often as one likes.
pub(super) fn capture() {
    static CAPTURED: Once = Once::new();
    // SAFETY: the callback has the signature that libav asks for, and touches nothing but its arguments.
    CAPTURED.call_once(|| unsafe { av::av_log_set_callback(Some(line::<_>)) });
}

fn severity(level: c_int) -> log::Level {
    if level <= av::AV_LOG_FATAL {
        log::Level::Warn
    } else if level <= av::AV_LOG_WARNING {
        log::Level::Debug
    } else {
        log::Level::Trace
    }
}

/// libav's callback. `Arguments` is C's `va_list`, whose name differs between machines: the compiler infers it from
/// `av_log_set_callback`.
unsafe extern "C" fn line<Arguments>(context: *mut c_void, level: c_int, format: *const c_char, arguments: Arguments) {
    let severity = severity(level);
    if !log::log_enabled!(target: "libav", severity) {
        return;
    }
    let mut buffer: [c_char; 1024] = [0; 1024];
    let mut prefix = 1;
    // SAFETY: the first four arguments are those that libav gave; the last two are writable. The copy turns
    // `Arguments` into itself: both are what bindgen calls the C type `va_list` as an argument.
    let text = unsafe {
        av::av_log_format_line2(
            context,
            level,
            format,
            std::mem::transmute_copy(&arguments),
            buffer.as_mut_ptr(),
            1024,
            &raw mut prefix,
        );
        ffi::text(buffer.as_ptr())
    };
    log::log!(target: "libav", severity, "{}", text.unwrap_or_default().trim_end());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_formatted_and_graded() {
        static LINES: std::sync::Mutex<Vec<(log::Level, String)>> = std::sync::Mutex::new(Vec::new());
        struct Collect;
        impl log::Log for Collect {
            fn enabled(&self, metadata: &log::Metadata) -> bool {
                metadata.target() == "libav"
            }
            fn log(&self, record: &log::Record) {
                if self.enabled(record.metadata()) {
                    LINES.lock().unwrap().push((record.level(), record.args().to_string()));
                }
            }
            fn flush(&self) {}
        }
        log::set_logger(&Collect).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
        capture();
        // SAFETY: the format string asks for the two arguments given.
        unsafe {
            av::av_log(std::ptr::null_mut(), av::AV_LOG_ERROR, c"%s lost %d\n".as_ptr(), c"slice".as_ptr(), 7 as c_int);
            av::av_log(std::ptr::null_mut(), av::AV_LOG_FATAL, c"gone\n".as_ptr());
        }
        let lines = LINES.lock().unwrap();
        assert!(lines.contains(&(log::Level::Debug, "slice lost 7".to_owned())), "{lines:?}");
        assert!(lines.contains(&(log::Level::Warn, "gone".to_owned())), "{lines:?}");
    }
}
