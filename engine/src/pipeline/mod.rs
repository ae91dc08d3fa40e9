//! Who runs where: queues, stages, cancelling, the report.
