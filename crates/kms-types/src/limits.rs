//! Every limit, in one place. Sources: the API model's shapes and [KMS:limits].

/// Largest HTTP request body that a node reads, in bytes.
pub const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Largest plaintext of Encrypt, in bytes.
pub const MAX_PLAINTEXT_BYTES: usize = 4096;
/// Largest message of Sign, Verify, GenerateMac and VerifyMac, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 4096;
/// Largest plaintext of Encrypt under SM2PKE, in bytes.
pub const MAX_SM2_PLAINTEXT_BYTES: usize = 1024;
/// Largest ciphertext blob that the API accepts, in bytes.
pub const MAX_CIPHERTEXT_BYTES: usize = 6144;
/// Largest NumberOfBytes of GenerateRandom and GenerateDataKey.
pub const MAX_RANDOM_BYTES: u32 = 1024;
/// Largest serialised encryption context, in bytes.
pub const MAX_ENCRYPTION_CONTEXT_BYTES: usize = 8192;
/// Longest key description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 8192;
/// Largest key policy, in bytes.
pub const MAX_POLICY_BYTES: usize = 32_768;
/// Most tags on one key.
pub const MAX_TAGS_PER_KEY: usize = 50;
/// Most aliases on one key.
pub const MAX_ALIASES_PER_KEY: usize = 50;
/// Most grants on one key.
pub const MAX_GRANTS_PER_KEY: usize = 50_000;
/// Most pairs of a grant's encryption context constraint.
pub const MAX_GRANT_CONSTRAINT_PAIRS: usize = 8;
/// Most characters of a grant's encryption context constraint, names and values together.
pub const MAX_GRANT_CONSTRAINT_CHARS: usize = 384;
/// Most customer managed keys of one account in one Region.
pub const MAX_KEYS_PER_ACCOUNT: usize = 100_000;
/// Most on-demand rotations in a key's life.
pub const MAX_ON_DEMAND_ROTATIONS: u32 = 25;
/// Waiting period of ScheduleKeyDeletion, in days: least, most, default.
pub const DELETION_WINDOW_DAYS: (u32, u32, u32) = (7, 30, 30);
/// Period of automatic rotation, in days: least, most, default.
pub const ROTATION_PERIOD_DAYS: (u32, u32, u32) = (90, 2560, 365);
/// How long the parameters of GetParametersForImport are valid, in milliseconds of Region time.
pub const IMPORT_PARAMETERS_MS: u64 = 24 * 60 * 60 * 1000;
/// How far ahead imported material may expire, in days.
pub const IMPORT_MAX_VALID_DAYS: u64 = 365;
/// How far a request's date may be from Region time, in milliseconds, either way.
pub const SIGNATURE_WINDOW_MS: u64 = 5 * 60 * 1000;
/// How far a virtual clock may be ahead, in milliseconds: 500 years.
pub const MAX_CLOCK_OFFSET_MS: u64 = 500 * 365 * 86_400_000;
/// How many of the newest changes of identity records are kept for the Regions that pull them.
pub const IDENTITY_TAIL: usize = 4096;
/// How many outcomes of proposals are kept for retries (invariant B4): the newest always, and at most so many.
pub const REMEMBERED_PROPOSALS: (usize, usize) = (1024, 262_144);
/// How long an outcome is kept between those two counts, in milliseconds of Region time; a proposer repeats for seconds.
pub const REMEMBERED_MS: u64 = 60_000;
