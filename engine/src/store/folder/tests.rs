//! Stores: what goes when room is needed, who else is there, and what is no store.

use super::*;
use crate::fingerprint::Sha256Hex;
use crate::packet::Packet;
use std::sync::Barrier;
use std::thread;
use tempfile::{TempDir, tempdir};

fn key(number: usize) -> SegmentKey {
    SegmentKey(Sha256Hex::of(&number.to_le_bytes()))
}

fn open(folder: &TempDir, size: Option<u64>) -> FolderStore {
    FolderStore::open(folder.path(), size).unwrap()
}

/// The packets of object `number`: no other has the same.
fn packets(number: usize) -> Vec<Packet> {
    (0..3).map(|pts| Packet { data: vec![number as u8; 300], pts, duration: number as i64, key: pts == 0 }).collect()
}

fn put(store: &FolderStore, number: usize) -> Result<()> {
    let mut writer = store.begin(key(number))?;
    packets(number).iter().try_for_each(|packet| writer.append(packet))?;
    store.finish(writer, &Damage { damaged_frames: number as u64, ..Damage::default() })
}

/// Tells whether an object is there, which must be the right one.
fn has(store: &FolderStore, number: usize) -> bool {
    let found = store.get(key(number)).unwrap();
    if let Some(stored) = &found {
        assert_eq!(stored.damage().damaged_frames, number as u64);
        assert_eq!(stored.packets().unwrap().collect::<Result<Vec<_>>>().unwrap(), packets(number));
    }
    found.is_some()
}

/// Says that a file was last touched so long ago.
fn set_age(path: &Path, age: Duration) {
    File::options().append(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

/// Bytes of all files in the folders of a store.
fn bytes(folder: &TempDir) -> u64 {
    let folders = entries(folder.path()).unwrap().into_iter().filter(|entry| entry.file_type().unwrap().is_dir());
    folders.flat_map(|entry| entries(&entry.path()).unwrap()).map(|entry| entry.metadata().unwrap().len()).sum()
}

#[test]
fn what_was_put_is_there_for_whoever_opens_the_store() {
    let folder = tempdir().unwrap();
    let store = open(&folder, None);
    put(&store, 1).unwrap();
    for store in [&store, &open(&folder, None), &open(&folder, Some(1 << 20))] {
        assert!(has(store, 1) && !has(store, 2));
    }
    put(&store, 1).unwrap();
    assert!(has(&store, 1), "twice is as once");
}

#[test]
fn a_damaged_object_is_removed_and_made_anew() {
    let folder = tempdir().unwrap();
    let store = open(&folder, None);
    put(&store, 1).unwrap();
    let path = store.path(key(1));
    let mut content = fs::read(&path).unwrap();
    content[200] ^= 4;
    fs::write(&path, content).unwrap();
    assert!(!has(&store, 1) && !path.exists());
    put(&store, 1).unwrap();
    assert!(has(&store, 1));
}

#[test]
fn what_was_not_used_for_the_longest_time_goes_first() {
    let folder = tempdir().unwrap();
    let store = open(&folder, None);
    (0..10).for_each(|number| put(&store, number).unwrap());
    let one = bytes(&folder) / 10;
    // Made in another order than they are used in.
    for number in 0..10 {
        let age = Duration::from_secs(if number % 2 == 0 { 1000 } else { 500 } + number as u64);
        set_age(&store.path(key(number)), age);
    }
    // Used just now: the oldest of all.
    assert!(has(&store, 8));
    let limited = open(&folder, Some(one * 10 + one / 2));
    put(&limited, 10).unwrap();
    assert!(bytes(&folder) <= one * 95 / 10, "{}", bytes(&folder));
    let left: Vec<_> = (0..11).filter(|&number| limited.path(key(number)).exists()).collect();
    assert_eq!(left, [0, 1, 2, 3, 5, 7, 8, 9, 10], "6 and 4 were not used for the longest time");
}

#[test]
fn the_limit_holds_after_every_object() {
    let folder = tempdir().unwrap();
    let limit = 20_000;
    let store = open(&folder, Some(limit));
    for number in 0..200 {
        put(&store, number).unwrap();
        assert!(bytes(&folder) <= limit, "{} bytes with {number}", bytes(&folder));
    }
    assert!(bytes(&folder) > limit / 2, "no more is removed than must be");
    // Who opens a store that is too large brings it down with the first object.
    let smaller = open(&folder, Some(5000));
    put(&smaller, 200).unwrap();
    assert!(bytes(&folder) <= 5000 && has(&smaller, 200));
    // Less than one object is no limit that anything fits in.
    let least = open(&folder, Some(1));
    put(&least, 201).unwrap();
    assert_eq!(bytes(&folder), 0);
}

#[test]
fn jobs_side_by_side_get_what_is_right_or_nothing() {
    let folder = tempdir().unwrap();
    let limit = 15_000;
    let (stores, begin) = ([(); 2].map(|()| open(&folder, Some(limit))), Barrier::new(4));
    let found = thread::scope(|scope| {
        let jobs: Vec<_> = (0..4_usize)
            .map(|job| {
                let (store, begin) = (&stores[job % 2], &begin);
                scope.spawn(move || {
                    begin.wait();
                    let numbers = (0..400).map(|round| (round * (job + 1) + round / 7) % 24);
                    numbers
                        .filter(|&number| {
                            let found = has(store, number);
                            if !found {
                                put(store, number).unwrap();
                            }
                            found
                        })
                        .count()
                })
            })
            .collect();
        jobs.into_iter().map(|job| job.join().unwrap()).sum::<usize>()
    });
    assert!((1..1600).contains(&found), "{found} of 1600 were there: some must be, and some not");
    // Each knows of its own objects alone until it is over the limit.
    assert!(bytes(&folder) <= 2 * limit, "{}", bytes(&folder));
    let parts = entries(folder.path()).unwrap().into_iter().filter(|entry| entry.file_type().unwrap().is_dir());
    let parts = parts.flat_map(|entry| entries(&entry.path()).unwrap());
    assert!(parts.into_iter().all(|part| part.path().extension().unwrap() == OBJECT), "nothing unfinished is left");
}

#[test]
fn many_jobs_may_make_one_store_at_once() {
    for _ in 0..50 {
        let parent = tempdir().unwrap();
        let folder = parent.path().join("of/all");
        let begin = Barrier::new(8);
        thread::scope(|scope| {
            for number in 0..8 {
                let (folder, begin) = (&folder, &begin);
                scope.spawn(move || {
                    begin.wait();
                    let store = FolderStore::open(folder, None).unwrap();
                    put(&store, number).unwrap();
                    assert!(has(&store, number));
                });
            }
        });
        let store = FolderStore::open(&folder, None).unwrap();
        assert!((0..8).all(|number| has(&store, number)));
    }
}

#[test]
fn what_killed_jobs_left_is_removed_and_what_is_being_written_is_not() {
    let folder = tempdir().unwrap();
    let store = open(&folder, None);
    put(&store, 1).unwrap();
    let beside = store.path(key(1)).parent().unwrap().to_owned();
    let [stale, fresh] = [".stale.part", ".fresh.part"].map(|name| beside.join(name));
    [&stale, &fresh].iter().for_each(|path| fs::write(path, "half").unwrap());
    set_age(&stale, STALE + Duration::from_secs(60));
    set_age(&fresh, STALE - Duration::from_secs(60));
    let mut writer = store.begin(key(2)).unwrap();
    writer.append(&packets(2)[0]).unwrap();
    let again = open(&folder, Some(1 << 30));
    assert!(!stale.exists() && fresh.exists() && has(&again, 1));
    packets(2)[1..].iter().for_each(|packet| writer.append(packet).unwrap());
    store.finish(writer, &Damage { damaged_frames: 2, ..Damage::default() }).unwrap();
    assert!(has(&again, 2));
}

fn refusal(folder: &Path) -> String {
    match FolderStore::open(folder, None) {
        Err(Error::BadStore { path, why }) if path == folder => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_with_other_things_is_no_store_and_is_left_alone() {
    let folder = tempdir().unwrap();
    let film = folder.path().join("film.mkv");
    fs::write(&film, "frames").unwrap();
    assert!(refusal(folder.path()).contains("choose an empty folder"));
    assert_eq!((fs::read(&film).unwrap().as_slice(), entries(folder.path()).unwrap().len()), (b"frames".as_slice(), 1));
    let with_folder = tempdir().unwrap();
    fs::create_dir(with_folder.path().join("ab")).unwrap();
    assert!(refusal(with_folder.path()).contains("choose an empty folder"));
    // What a job left that was killed while it made a store is nothing.
    let begun = tempdir().unwrap();
    fs::write(begun.path().join(format!("{UNFINISHED_MARKER}x")), "Upr").unwrap();
    put(&open(&begun, None), 1).unwrap();
    assert!(matches!(FolderStore::open(&film, None), Err(Error::Io { path, .. }) if path == film));
}

#[test]
fn a_store_of_another_version_is_refused() {
    let folder = tempdir().unwrap();
    put(&open(&folder, None), 1).unwrap();
    let marker = folder.path().join(MARKER.0);
    let text = fs::read_to_string(&marker).unwrap();
    assert!(text.contains("version 1"));
    for other in [text.replace("version 1", "version 2"), String::new()] {
        fs::write(&marker, &other).unwrap();
        assert!(refusal(folder.path()).contains("another version"));
        assert_eq!(fs::read_to_string(&marker).unwrap(), other);
    }
}

#[test]
fn what_lies_beside_the_objects_does_not_count_and_stays() {
    let folder = tempdir().unwrap();
    let store = open(&folder, Some(1));
    let note = folder.path().join("note.txt");
    fs::write(&note, vec![0; 10_000]).unwrap();
    put(&store, 1).unwrap();
    assert!(note.exists() && bytes(&folder) == 0);
    drop(open(&folder, Some(1)));
    assert!(note.exists());
}

#[cfg(unix)]
#[test]
fn a_store_that_can_only_be_read_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    put(&open(&folder, None), 1).unwrap();
    let path = open(&folder, None).path(key(1));
    let set = |mode: u32| {
        for path in [&path, path.parent().unwrap(), folder.path()] {
            let is_file = path.is_file();
            fs::set_permissions(path, fs::Permissions::from_mode(if is_file { mode & 0o666 } else { mode })).unwrap();
        }
    };
    set(0o555);
    let store = open(&folder, None);
    let (found, written) = (has(&store, 1), put(&store, 2));
    set(0o755);
    assert!(found);
    // The superuser may write everywhere.
    assert!(written.is_ok() || matches!(written, Err(Error::Io { .. })), "{written:?}");
}
