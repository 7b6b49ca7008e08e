//! `cxc up`: the components of this process.
mod listen;
mod signals;
