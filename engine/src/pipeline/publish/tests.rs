use super::*;
use std::collections::BTreeMap;
use tempfile::TempDir;

const REPORT: &str = "report.json";

fn names() -> Vec<String> {
    ["a.mp4", "b.mp4", REPORT].map(str::to_owned).to_vec()
}

fn contents(directory: &Path) -> BTreeMap<String, String> {
    let read = |entry: io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap_or_else(|_| "a directory".to_owned()))
    };
    directory.read_dir().unwrap().map(read).collect()
}

fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(name, content)| (name.to_owned(), content.to_owned())).collect()
}

fn finished(outputs: &Outputs) -> Vec<(TempPath, String)> {
    ["a.mp4", "b.mp4"]
        .map(|name| {
            let mut file = outputs.drafts().temporary(name).unwrap();
            file.write_all(b"new").unwrap();
            (file.into_temp_path(), name.to_owned())
        })
        .into()
}

fn publish(directory: &Path, overwrite: bool) -> Result<()> {
    let outputs = Outputs::prepare(directory, &names(), overwrite, &Control::default())?;
    let files = finished(&outputs);
    outputs.publish(files, (REPORT, b"new"))
}

#[test]
fn renditions_of_a_larger_ladder_are_noticed() {
    let directory = TempDir::new().unwrap();
    for name in ["1080x1920.mp4", "36x64.mp4", "18x32.mp4", "notes.mp4", "1x.mp4", "report.json"] {
        fs::write(directory.path().join(name), "old").unwrap();
    }
    let outputs = Outputs::prepare(directory.path(), &["36x64.mp4".to_owned()], true, &Control::default()).unwrap();
    let strangers = outputs.strangers();
    assert_eq!(strangers, ["1080x1920.mp4", "18x32.mp4"].map(|name| directory.path().join(name)));
}

#[test]
fn all_names_appear_with_the_directories_that_were_missing() {
    let root = TempDir::new().unwrap();
    let directory = root.path().join("out/film");
    publish(&directory, false).unwrap();
    assert_eq!(contents(&directory), expected(&[("a.mp4", "new"), ("b.mp4", "new"), (REPORT, "new")]));
}

/// Names in a directory, in order.
fn listed(directory: &Path) -> Vec<String> {
    contents(directory).into_keys().collect()
}

#[test]
fn what_is_begun_is_hidden_beside_the_final_folder() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("film");
    let outputs = Outputs::prepare(&folder, &names(), false, &Control::default()).unwrap();
    let file = outputs.drafts().temporary("a.mp4").unwrap();
    let name = file.path().file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(".a.mp4.") && name.ends_with(".part"), "{name}");
    assert_eq!(file.path().parent(), Some(outputs.drafts().folder()));
    let hidden = listed(root.path()).remove(0);
    assert!(hidden.starts_with(".film.") && hidden.ends_with(".part"), "{hidden}");
    assert_eq!(listed(&folder), [""; 0]);
    drop((file, outputs));
    assert_eq!(listed(root.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn files_are_as_readable_as_any_other() {
    use std::os::unix::fs::PermissionsExt;
    let root = TempDir::new().unwrap();
    fs::File::create(root.path().join("other")).unwrap();
    publish(root.path(), false).unwrap();
    let mode = |name| fs::metadata(root.path().join(name)).unwrap().permissions().mode();
    assert_eq!((mode("a.mp4"), mode(REPORT)), (mode("other"), mode("other")));
}

#[test]
fn a_failed_job_leaves_nothing_not_even_its_directories() {
    let root = TempDir::new().unwrap();
    let outputs = Outputs::prepare(&root.path().join("out/film"), &names(), false, &Control::default()).unwrap();
    let files = finished(&outputs);
    drop(files);
    drop(outputs);
    assert_eq!(contents(root.path()), expected(&[]));
}

#[test]
fn a_directory_that_was_there_or_has_other_files_stays() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("was there")).unwrap();
    drop(Outputs::prepare(&root.path().join("was there"), &names(), false, &Control::default()).unwrap());
    let outputs = Outputs::prepare(&root.path().join("used"), &names(), false, &Control::default()).unwrap();
    fs::write(root.path().join("used/other"), "").unwrap();
    drop(outputs);
    assert_eq!(contents(root.path()).len(), 2);
}

#[test]
fn what_is_there_is_kept_unless_told_otherwise() {
    for name in names() {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join(&name), "old").unwrap();
        assert!(matches!(publish(root.path(), false), Err(Error::OutputExists { path }) if path.ends_with(&name)));
        assert_eq!(contents(root.path()), expected(&[(&name, "old")]));
        publish(root.path(), true).unwrap();
        assert_eq!(contents(root.path()), expected(&[("a.mp4", "new"), ("b.mp4", "new"), (REPORT, "new")]));
    }
}

#[test]
fn old_files_stay_until_the_new_are_whole() {
    let root = TempDir::new().unwrap();
    publish(root.path(), false).unwrap();
    fs::write(root.path().join(REPORT), "old").unwrap();
    let outputs = Outputs::prepare(root.path(), &names(), true, &Control::default()).unwrap();
    drop(finished(&outputs));
    drop(outputs);
    assert_eq!(contents(root.path())[REPORT], "old");
}

#[test]
fn a_name_taken_meanwhile_is_kept_and_the_new_ones_go() {
    let root = TempDir::new().unwrap();
    let outputs = Outputs::prepare(root.path(), &names(), false, &Control::default()).unwrap();
    let files = finished(&outputs);
    fs::write(root.path().join("b.mp4"), "somebody's").unwrap();
    let error = outputs.publish(files, (REPORT, b"new")).unwrap_err();
    assert!(matches!(error, Error::OutputExists { path } if path.ends_with("b.mp4")));
    assert_eq!(contents(root.path()), expected(&[("b.mp4", "somebody's")]));
}

#[test]
fn a_directory_in_the_place_of_a_file_is_never_replaced() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("b.mp4")).unwrap();
    assert!(matches!(publish(root.path(), true), Err(Error::Io { path, .. }) if path.ends_with("b.mp4")));
    assert_eq!(contents(root.path()), expected(&[("b.mp4", "a directory")]));
}

#[test]
fn a_file_in_the_place_of_the_directory_is_named() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    for directory in ["file", "file/film"] {
        let error = publish(&root.path().join(directory), false).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path.starts_with(root.path())), "{error}");
    }
    assert_eq!(contents(root.path()), expected(&[("file", "")]));
}

/// Old files of the same names, one of a larger ladder, and one of somebody's own.
fn used_folder(root: &TempDir) -> PathBuf {
    let folder = root.path().join("film");
    fs::create_dir(&folder).unwrap();
    for name in ["a.mp4", "b.mp4", REPORT, "1080x1920.mp4", "notes.txt"] {
        fs::write(folder.join(name), "old").unwrap();
    }
    folder
}

fn replaced() -> BTreeMap<String, String> {
    expected(&[("a.mp4", "new"), ("b.mp4", "new"), (REPORT, "new"), ("1080x1920.mp4", "old"), ("notes.txt", "old")])
}

fn untouched() -> BTreeMap<String, String> {
    expected(&[("a.mp4", "old"), ("b.mp4", "old"), (REPORT, "old"), ("1080x1920.mp4", "old"), ("notes.txt", "old")])
}

#[cfg(unix)]
#[test]
fn a_set_replaces_another_at_once_and_leaves_other_files_alone() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let root = TempDir::new().unwrap();
    let folder = used_folder(&root);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o2751)).unwrap();
    symlink("nowhere", folder.join("link")).unwrap();
    let inode = |path: &Path| fs::symlink_metadata(path).unwrap().ino();
    let before = (inode(&folder), inode(&folder.join("notes.txt")));
    publish(&folder, true).unwrap();
    assert_ne!(inode(&folder), before.0, "the folder is another one");
    assert_eq!(inode(&folder.join("notes.txt")), before.1, "the file is the same");
    assert_eq!(fs::read_link(folder.join("link")).unwrap(), Path::new("nowhere"));
    fs::remove_file(folder.join("link")).unwrap();
    assert_eq!(contents(&folder), replaced());
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o2751);
    assert_eq!(listed(root.path()), ["film"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_the_folder_stays_one() {
    let root = TempDir::new().unwrap();
    let folder = used_folder(&root);
    let link = root.path().join("link");
    std::os::unix::fs::symlink("film", &link).unwrap();
    publish(&link, true).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(contents(&folder), replaced());
    assert_eq!(listed(root.path()), ["film", "link"]);
}

#[test]
fn files_are_replaced_one_by_one_where_the_folder_holds_others() {
    let root = TempDir::new().unwrap();
    let folder = used_folder(&root);
    fs::create_dir(folder.join("posters")).unwrap();
    publish(&folder, true).unwrap();
    fs::remove_dir(folder.join("posters")).unwrap();
    assert_eq!(contents(&folder), replaced());
    assert_eq!(listed(root.path()), ["film"]);
}

#[test]
fn superseded_files_go_when_the_new_set_comes_and_not_before() {
    const CAPTIONS: &str = "captions-cc1.vtt";
    for has_folder in [false, true] {
        let root = TempDir::new().unwrap();
        let folder = used_folder(&root);
        fs::write(folder.join(CAPTIONS), "old").unwrap();
        if has_folder {
            // It is none of ours, and has files replaced one by one.
            fs::create_dir(folder.join("subtitles-1.vtt")).unwrap();
        }
        let begun = || {
            let mut outputs = Outputs::prepare(&folder, &names(), true, &Control::default()).unwrap();
            outputs.supersede([CAPTIONS, "subtitles-1.vtt", "captions-cc3.vtt", "a.mp4"].map(str::to_owned).into());
            let files = finished(&outputs);
            (outputs, files)
        };
        let (outputs, files) = begun();
        fs::remove_file(folder.join("b.mp4")).unwrap();
        fs::create_dir_all(folder.join("b.mp4/in the way")).unwrap();
        assert!(outputs.publish(files, (REPORT, b"new")).is_err());
        assert_eq!(fs::read_to_string(folder.join(CAPTIONS)).unwrap(), "old");
        fs::remove_dir_all(folder.join("b.mp4")).unwrap();

        let (outputs, files) = begun();
        outputs.publish(files, (REPORT, b"new")).unwrap();
        let mut expected = replaced();
        if has_folder {
            expected.insert("subtitles-1.vtt".to_owned(), "a directory".to_owned());
        }
        assert_eq!(contents(&folder), expected);
        assert_eq!(listed(root.path()), ["film"]);
    }
}

#[test]
fn a_failure_while_files_are_replaced_brings_the_old_ones_back() {
    let root = TempDir::new().unwrap();
    let folder = used_folder(&root);
    for directory in ["b.mp4", REPORT] {
        let outputs = Outputs::prepare(&folder, &names(), true, &Control::default()).unwrap();
        let files = finished(&outputs);
        fs::remove_file(folder.join(directory)).unwrap();
        // No file takes the place of a directory that is not empty.
        fs::create_dir_all(folder.join(directory).join("in the way")).unwrap();
        let error = outputs.publish(files, (REPORT, b"new")).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path.ends_with(directory)), "{error}");
        fs::remove_dir_all(folder.join(directory)).unwrap();
        fs::write(folder.join(directory), "old").unwrap();
        assert_eq!(contents(&folder), untouched());
        assert_eq!(listed(root.path()), ["film"]);
    }
}

#[cfg(unix)]
#[test]
fn a_folder_has_one_job_at_a_time() {
    let root = TempDir::new().unwrap();
    let (folder, link) = (root.path().join("film"), root.path().join("link"));
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    let first = Outputs::prepare(&folder, &names(), false, &Control::default()).unwrap();
    for other in [&folder, &link] {
        for overwrite in [false, true] {
            let busy = Outputs::prepare(other, &names(), overwrite, &Control::default());
            assert!(matches!(busy, Err(Error::OutputBusy { path }) if path == *other));
        }
    }
    assert!(Outputs::prepare(&root.path().join("another"), &names(), false, &Control::default()).is_ok());
    let files = finished(&first);
    first.publish(files, (REPORT, b"new")).unwrap();
    assert_eq!(listed(&folder), ["a.mp4", "b.mp4", REPORT], "the lock is no file");
    publish(&folder, true).unwrap();
}

#[test]
fn jobs_that_want_the_same_folder_never_mix() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("out/film");
    let job = |content: &str| {
        let outputs = Outputs::prepare(&folder, &names(), true, &Control::default())?;
        let files = ["a.mp4", "b.mp4"].map(|name| {
            let mut file = outputs.drafts().temporary(name).unwrap();
            file.write_all(content.as_bytes()).unwrap();
            (file.into_temp_path(), name.to_owned())
        });
        // Every other one gives up.
        if content.len().is_multiple_of(2) {
            Ok(())
        } else {
            outputs.publish(files.into(), (REPORT, content.as_bytes()))
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for round in 0..50 {
                    match job(&"x".repeat(1 + thread * 50 + round)) {
                        Ok(()) | Err(Error::OutputBusy { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let all: Vec<_> = contents(&folder).into_values().collect();
    assert_eq!((all.len(), &all[0], &all[1]), (3, &all[1], &all[2]), "one set");
    assert_eq!(listed(root.path()), ["out"]);
    assert_eq!(listed(&root.path().join("out")), ["film"]);
}

#[test]
fn who_is_left_behind_keeps_nothing_there() {
    let root = TempDir::new().unwrap();
    let outputs = Outputs::prepare(&root.path().join("out/film"), &names(), false, &Control::default()).unwrap();
    let drafts = outputs.drafts();
    let mut file = drafts.temporary("a.mp4").unwrap();
    drop(outputs);
    assert_eq!(contents(root.path()), expected(&[]));
    file.write_all(b"late").unwrap();
    assert!(drafts.temporary("b.mp4").is_err());
    drop(file);
    assert_eq!(contents(root.path()), expected(&[]));
}

#[test]
fn what_killed_jobs_left_goes_and_what_others_have_stays() {
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("e1");
    fs::create_dir(&film).unwrap();
    let place = place::OutputPlace::for_folder(&fs::canonicalize(&film).unwrap()).unwrap();
    let left = [place.path().to_path_buf(), film.join(".AbC123.part")];
    std::mem::forget(place);
    let others = [".e1.x.AbC123.part", ".e2.AbC123.part", ".AbC123.part", ".e1.mine", "e1.AbC123.part"];
    let others = others.map(|name| folder.path().join(name));
    others.iter().chain(&left[1..]).for_each(|path| fs::create_dir(path).unwrap());
    fs::write(left[0].join("90x160.mp4"), "half").unwrap();
    fs::write(film.join("90x160.mp4"), "whole").unwrap();
    remove_leftovers(&film);
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
    assert!(others.iter().all(|path| path.exists()) && film.join("90x160.mp4").exists());
}
