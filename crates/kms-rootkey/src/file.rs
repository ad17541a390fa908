//! A root key in a file, for development and for hosts whose disk is protected by other means. The file holds the key
//! in clear: who reads it holds the Region. Does not encrypt, back up or rotate it.

use kms_crypto::RootKey;
use kms_types::Entropy;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use zeroize::Zeroizing;

use crate::{RootKeyError, RootKeyProvider, file_format};

/// Reads the root key from one file that only its owner may touch.
#[derive(Debug, Clone)]
pub struct FileProvider {
    path: PathBuf,
}

/// Any permission of group or others.
const OTHERS: u32 = 0o077;
const MODE: u32 = 0o600;

impl FileProvider {
    /// A provider over an existing file; nothing is read yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Writes a fresh root key to a new file, durably. Never overwrites: a lost root key loses its Region.
    pub fn create(path: impl Into<PathBuf>, entropy: &mut dyn Entropy) -> Result<Self, RootKeyError> {
        let path = path.into();
        let mut file = open_new(&path).map_err(io_error("create", &path))?;
        let text = file_format::encode(&RootKey::generate(entropy));
        let written = file.write_all(&text).and_then(|()| file.sync_all()).and_then(|()| sync_parent(&path));
        if let Err(source) = written {
            // Half a key is of no use and would stand in the way of the next attempt.
            let _ = fs::remove_file(&path);
            return Err(io_error("write", &path)(source));
        }
        Ok(Self { path })
    }

    fn read(&self) -> Result<Zeroizing<Vec<u8>>, RootKeyError> {
        let mut text = Zeroizing::new(Vec::with_capacity(file_format::READ_BYTES as usize));
        open_checked(&self.path)?
            .take(file_format::READ_BYTES)
            .read_to_end(&mut text)
            .map_err(io_error("read", &self.path))?;
        Ok(text)
    }
}

impl RootKeyProvider for FileProvider {
    fn root_key(&self) -> Result<Arc<RootKey>, RootKeyError> {
        let malformed = || RootKeyError::Malformed { path: self.path.clone(), header: file_format::HEADER };
        file_format::decode(&self.read()?).map(Arc::new).ok_or_else(malformed)
    }

    fn describe(&self) -> String {
        format!("file `{}`", self.path.display())
    }
}

/// Opens a regular file after the checks that keep a key from being read, or planted, by others.
fn open_checked(path: &Path) -> Result<File, RootKeyError> {
    let named = fs::symlink_metadata(path).map_err(io_error("find", path))?;
    // Before the open: opening a pipe would wait for its writer.
    if !fs::metadata(path).map_err(io_error("find", path))?.is_file() {
        return Err(RootKeyError::NotAFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(io_error("open", path))?;
    let opened = file.metadata().map_err(io_error("inspect", path))?;
    check_link(path, &named, &opened)?;
    check_mode(path, &opened)?;
    Ok(file)
}

/// A link may not lead to a file of another owner, such as one that its maker knows the content of.
fn check_link(path: &Path, named: &fs::Metadata, opened: &fs::Metadata) -> Result<(), RootKeyError> {
    let (link_owner, file_owner) = (named.uid(), opened.uid());
    if named.is_symlink() && link_owner != file_owner {
        return Err(RootKeyError::ForeignLink { path: path.to_owned(), link_owner, file_owner });
    }
    Ok(())
}

fn check_mode(path: &Path, opened: &fs::Metadata) -> Result<(), RootKeyError> {
    let mode = opened.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(RootKeyError::OpenToOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

fn open_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)
}

/// The name of a new file is durable only after its directory is.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn io_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> RootKeyError + 'a {
    move |source| RootKeyError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::{
        ChaCha20Rng,
        rand_core::{Rng, SeedableRng},
    };
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    struct Seeded(ChaCha20Rng);

    impl Entropy for Seeded {
        fn fill(&mut self, bytes: &mut [u8]) {
            self.0.fill_bytes(bytes);
        }
    }

    fn created(directory: &Path) -> FileProvider {
        FileProvider::create(directory.join("root.key"), &mut Seeded(ChaCha20Rng::seed_from_u64(1))).unwrap()
    }

    #[test]
    fn created_key_is_read_back_and_its_file_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let provider = created(directory.path());
        assert_eq!(fs::metadata(&provider.path).unwrap().mode() & 0o7777, 0o600);
        let again = FileProvider::new(&provider.path);
        assert_eq!(provider.root_key().unwrap().recipient(), again.root_key().unwrap().recipient());
        assert!(provider.describe().contains("root.key"));
    }

    #[test]
    fn create_never_overwrites() {
        let directory = tempfile::tempdir().unwrap();
        let provider = created(directory.path());
        let before = fs::read(&provider.path).unwrap();
        let refused = FileProvider::create(&provider.path, &mut Seeded(ChaCha20Rng::seed_from_u64(2)));
        assert!(matches!(refused, Err(RootKeyError::Io { action: "create", .. })));
        assert_eq!(fs::read(&provider.path).unwrap(), before);
    }

    #[test]
    fn file_open_to_others_is_refused_with_the_command_that_helps() {
        let directory = tempfile::tempdir().unwrap();
        let provider = created(directory.path());
        for mode in [0o640, 0o604, 0o610, 0o602, 0o777] {
            fs::set_permissions(&provider.path, fs::Permissions::from_mode(mode)).unwrap();
            let message = provider.root_key().unwrap_err().to_string();
            assert!(message.contains(&format!("chmod 600 {}", provider.path.display())), "{message}");
            assert!(message.contains(&format!("mode {mode:04o}")), "{message}");
        }
        fs::set_permissions(&provider.path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(provider.root_key().is_ok());
    }

    #[test]
    fn missing_files_directories_and_malformed_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none");
        assert!(matches!(FileProvider::new(&path).root_key(), Err(RootKeyError::Io { .. })));
        assert!(matches!(FileProvider::new(directory.path()).root_key(), Err(RootKeyError::NotAFile { .. })));
        fs::write(&path, vec![b'a'; 1 << 20]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(FileProvider::new(&path).root_key(), Err(RootKeyError::Malformed { .. })));
    }

    #[test]
    fn device_is_not_a_file() {
        assert!(matches!(FileProvider::new("/dev/zero").root_key(), Err(RootKeyError::NotAFile { .. })));
    }

    #[test]
    fn link_to_an_own_file_is_followed_and_to_a_foreign_file_refused() {
        let directory = tempfile::tempdir().unwrap();
        let provider = created(directory.path());
        let link = directory.path().join("link");
        symlink(&provider.path, &link).unwrap();
        assert!(FileProvider::new(&link).root_key().is_ok());
        // Only root can give a file away; elsewhere the first half is all that can be shown.
        if chown(&provider.path, Some(12_345), None).is_ok() {
            assert!(matches!(FileProvider::new(&link).root_key(), Err(RootKeyError::ForeignLink { .. })));
        }
    }
}
