//! The plan: everything that will be done, decided before anything is written.
