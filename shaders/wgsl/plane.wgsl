// What every kernel that makes planes from planes of the same size shares. It has the bindings `jobs: array<PlaneJob>`,
// `source: array<u32>`, for frames before and after it `before_1` and so on and `after_1` and so on, and `output`.

// A plane of a frame of the source, of which an area is in the buffer.
struct SourcePlane {
    // Word offset of the first row that is there, words per row.
    offset: u32,
    stride: u32,
    // The area, in samples of the plane.
    column: u32,
    row: u32,
    columns: u32,
    rows: u32,
}

// One plane.
struct PlaneJob {
    // Number of its first workgroup, workgroups per row.
    first_workgroup: u32,
    row_workgroups: u32,
    // Where the area of the output goes: word offset, words per row.
    output: u32,
    output_stride: u32,
    // The area of the output, in samples of the plane.
    column: u32,
    row: u32,
    width: u32,
    height: u32,
    // Size of the whole plane.
    plane_width: u32,
    plane_height: u32,
    // Of source and output.
    log2_samples_per_word: u32,
    // Largest sample value.
    limit: u32,
    // What is to be made, as the kernel understands it.
    picture: u32,
    // The frames in order of time: those before, the frame itself, those after.
    sources: array<SourcePlane, 5>,
}

// Column in the area of a column of the whole plane, or of the nearest one that is there.
fn source_column(source: SourcePlane, column: u32) -> u32 {
    return clamp(column, source.column, source.column + source.columns - 1u) - source.column;
}

// Word that holds the sample at a place of the whole plane, or the nearest one that is there.
fn source_word(job: PlaneJob, frame: u32, column: u32, row: u32) -> u32 {
    let source = job.sources[frame];
    let line = clamp(row, source.row, source.row + source.rows - 1u) - source.row;
    return source.offset + line * source.stride + (source_column(source, column) >> job.log2_samples_per_word);
}

// The sample in that word.
fn sample_of(job: PlaneJob, frame: u32, word: u32, column: u32) -> u32 {
    let bits = 32u >> job.log2_samples_per_word;
    let lane = source_column(job.sources[frame], column) & ((1u << job.log2_samples_per_word) - 1u);
    return extractBits(word, lane * bits, bits);
}
