//! `cxc up --demo`: a tenant with made-up people and simulated carriers, at work.
mod people;
