//! The server over real loopback sockets, in front of a service that only remembers what reached it.

mod calls;
mod fake;
mod hostile;
mod lifecycle;
mod wire;
