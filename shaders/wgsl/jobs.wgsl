// A pass over planes of several pictures is one dispatch: its workgroups are dealt out, row by row, to the jobs of the
// array `jobs`, which the kernel binds. A job begins with the number of its first workgroup.

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

// The job that a workgroup works for.
fn job_of(number: u32) -> u32 {
    var index = 0u;
    while index + 1u < arrayLength(&jobs) && jobs[index + 1u].first_workgroup <= number {
        index += 1u;
    }
    return index;
}
