//! Behaviour of batches.
