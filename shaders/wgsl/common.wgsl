// Shared by the kernels. Signed 16-bit numbers travel two to a word, the first in the lower half.

fn first_half(word: u32) -> i32 {
    return extractBits(bitcast<i32>(word), 0u, 16u);
}

fn second_half(word: u32) -> i32 {
    return bitcast<i32>(word) >> 16u;
}

fn join_halves(first: i32, second: i32) -> u32 {
    return (bitcast<u32>(first) & 0xffffu) | (bitcast<u32>(second) << 16u);
}

// Chris Wellons, hash-prospector: lowbias32.
fn hash(value: u32) -> u32 {
    var x = value;
    x = (x ^ (x >> 16u)) * 0x7feb352du;
    x = (x ^ (x >> 15u)) * 0x846ca68bu;
    return x ^ (x >> 16u);
}

// A pass over planes of several pictures is one dispatch: its workgroups are dealt out to jobs, row by row.

// The place of a workgroup in a job: which of its planes and rows, and which part of the row.
struct Place {
    plane: u32,
    row: u32,
    part: u32,
}

// Workgroups are numbered along x, then along y, for either has few.
fn workgroup_number(workgroup: vec3u, workgroups: vec3u) -> u32 {
    return workgroup.y * workgroups.x + workgroup.x;
}

// Workgroup `number` of a job that has `rows` rows of `row_workgroups` workgroups in every plane.
fn place_in_job(number: u32, row_workgroups: u32, rows: u32) -> Place {
    let line = number / row_workgroups;
    return Place(line / rows, line % rows, number % row_workgroups);
}
