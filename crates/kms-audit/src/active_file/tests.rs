use super::*;
use std::os::unix::fs::MetadataExt;

const TIME: Timestamp = Timestamp::from_millis(1_770_106_449_000);

fn line(n: u32) -> Vec<u8> {
    format!("{{\"eventTime\":\"{}\",\"n\":{n}}}\n", TIME.to_rfc3339()).into_bytes()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

fn reopened(content: &[u8]) -> (tempfile::TempDir, ActiveFile) {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("audit-1.jsonl"), content).unwrap();
    let file = ActiveFile::open(directory.path(), 1, 1 << 20).unwrap();
    (directory, file)
}

#[test]
fn new_file_is_private_and_survives_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = ActiveFile::open(directory.path(), 1, 1 << 20).unwrap();
    assert_eq!(fs::metadata(file.path()).unwrap().mode() & 0o7777, 0o600);
    file.append_durably(&line(1), TIME).unwrap();
    drop(file);
    let mut file = ActiveFile::open(directory.path(), 1, 1 << 20).unwrap();
    file.append_durably(&line(2), TIME).unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), [line(1), line(2)].concat());
    assert_eq!(names(directory.path()), ["audit-1.jsonl"]);
}

#[test]
fn torn_end_of_every_length_is_set_aside_and_the_rest_kept() {
    let (whole, torn) = ([line(1), line(2)].concat(), line(3));
    for cut in 1..torn.len() {
        let (directory, mut file) = reopened(&[whole.as_slice(), &torn[..cut]].concat());
        let side = directory.path().join(format!("audit-1.jsonl.{}.torn", whole.len()));
        assert_eq!(fs::read(&side).unwrap(), torn[..cut]);
        file.append_durably(&line(4), TIME).unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), [whole.clone(), line(4)].concat());
    }
}

#[test]
fn whole_but_meaningless_lines_at_the_end_are_set_aside_too() {
    let tail = [vec![0; 5000], b"\n".to_vec(), b"{\"eventTime\":3}\n".to_vec(), vec![0; 512]].concat();
    let (directory, file) = reopened(&[line(1), tail.clone()].concat());
    assert_eq!(fs::read(file.path()).unwrap(), line(1));
    let side = directory.path().join(format!("audit-1.jsonl.{}.torn", line(1).len()));
    assert_eq!(fs::read(side).unwrap(), tail);
}

#[test]
fn damage_before_a_whole_record_is_left_in_place() {
    let content = [line(1), b"damaged\n".to_vec(), line(2)].concat();
    let (directory, file) = reopened(&content);
    assert_eq!(fs::read(file.path()).unwrap(), content);
    assert_eq!(names(directory.path()), ["audit-1.jsonl"]);
    assert_eq!(Scan::of(content.as_slice()).unwrap().damaged_lines, 1);
}

#[test]
fn second_torn_end_at_one_offset_does_not_replace_the_first() {
    let (directory, file) = reopened(b"first");
    drop(file);
    fs::write(directory.path().join("audit-1.jsonl"), b"second").unwrap();
    ActiveFile::open(directory.path(), 1, 1 << 20).unwrap();
    assert_eq!(fs::read(directory.path().join("audit-1.jsonl.0.torn")).unwrap(), b"first");
    assert_eq!(fs::read(directory.path().join("audit-1.jsonl.0-2.torn")).unwrap(), b"second");
}

#[test]
fn full_files_are_renamed_after_their_first_record_and_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let mut file = ActiveFile::open(directory.path(), 7, 1).unwrap();
    for n in 0..3 {
        file.append_durably(&line(n), TIME).unwrap();
    }
    let stamp = TIME.to_iso_basic();
    let expected =
        [format!("audit-7-{stamp}-2.jsonl"), format!("audit-7-{stamp}.jsonl"), "audit-7.jsonl".into()];
    assert_eq!(names(directory.path()), expected);
    assert_eq!(fs::read(directory.path().join(&expected[1])).unwrap(), line(0));
    assert_eq!(fs::read(directory.path().join(&expected[0])).unwrap(), line(1));
    assert_eq!(fs::read(file.path()).unwrap(), line(2));
}

#[test]
fn reopened_file_remembers_its_first_time_for_rotation() {
    let directory = tempfile::tempdir().unwrap();
    ActiveFile::open(directory.path(), 1, 1).unwrap().append_durably(&line(1), TIME).unwrap();
    let mut file = ActiveFile::open(directory.path(), 1, 1).unwrap();
    file.append_durably(&line(2), TIME.plus_days(1)).unwrap();
    let rotated = format!("audit-1-{}.jsonl", TIME.to_iso_basic());
    assert_eq!(names(directory.path()), [rotated.as_str(), "audit-1.jsonl"]);
}

#[test]
fn second_opener_and_non_files_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let held = ActiveFile::open(directory.path(), 1, 1).unwrap();
    assert!(matches!(ActiveFile::open(directory.path(), 1, 1), Err(AuditError::InUse { .. })));
    drop(held);
    fs::create_dir(directory.path().join("audit-2.jsonl")).unwrap();
    assert!(matches!(ActiveFile::open(directory.path(), 2, 1), Err(AuditError::NotAFile { .. })));
    assert!(matches!(ActiveFile::open(&directory.path().join("none"), 1, 1), Err(AuditError::Open { .. })));
}

/// An active file over a device that refuses every write, as a full disk does.
pub(crate) fn on_a_full_disk() -> ActiveFile {
    let path = PathBuf::from("/dev/full");
    let file = OpenOptions::new().append(true).open(&path).unwrap();
    let (directory, stem) = (PathBuf::from("/dev"), "full".to_owned());
    ActiveFile { directory, stem, path, file, length_bytes: 0, first: None, rotate_bytes: 1 << 20 }
}
