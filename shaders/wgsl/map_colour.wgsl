#import jobs
#import plane

// Takes the colours of a picture to others by a table of three dimensions. One invocation makes one word of two or four
// samples, of luma or of both kinds of chroma. How samples at the same place are had, and what the numbers are, is said
// in `src/map_colour.rs`.

// Luma, or both kinds of chroma, of a picture.
struct MapJob {
    // Number of its first workgroup, workgroups per row.
    first_workgroup: u32,
    row_workgroups: u32,
    // 0 for luma, 1 for chroma.
    chroma: u32,
    // Where the area of the output goes: word offset, words per row, words from the second plane to the third.
    output: u32,
    output_stride: u32,
    output_plane: u32,
    output_log2_samples_per_word: u32,
    // Bits dropped of a mixture of nodes.
    output_shift: u32,
    // The area of the output, in samples of the plane.
    column: u32,
    row: u32,
    width: u32,
    height: u32,
    // Luma samples per chroma sample along x and y, and twice how far the latter lies from the first of them.
    subsampling_x: u32,
    subsampling_y: u32,
    offset_x: i32,
    offset_y: i32,
    source_log2_samples_per_word: u32,
    // Bits that a source's sample lacks of 12.
    source_up: u32,
    // Nodes along an axis, word offset of those of chroma; those of luma are at 0, two to a word.
    nodes: u32,
    chroma_nodes: u32,
    // Largest place along an axis.
    last_place: i32,
    shift: u32,
    offsets: array<i32, 3>,
    matrix: array<i32, 9>,
    planes: array<SourcePlane, 3>,
}

// Samples along an axis, and their quarters.
struct Taps {
    first: i32,
    quarters: vec3i,
}

// Nodes, and their parts of 1024.
struct Mixture {
    nodes: vec4u,
    parts: vec4u,
}

@group(0) @binding(0) var<storage, read> jobs: array<MapJob>;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<u32>;
@group(0) @binding(3) var<storage, read_write> output: array<u32>;

const HALF: i32 = 32768;

// The chroma of which that at luma sample `at` is mixed.
fn chroma_taps(at: i32, subsampling: u32, offset: i32) -> Taps {
    if subsampling == 1u {
        return Taps(at, vec3i(4, 0, 0));
    }
    let quarters = 2 * at - offset;
    return Taps(quarters >> 2u, vec3i(4 - (quarters & 3), quarters & 3, 0));
}

// The luma of which that at chroma sample `at` is mixed.
fn luma_taps(at: i32, subsampling: u32, offset: i32) -> Taps {
    if subsampling == 1u {
        return Taps(at, vec3i(4, 0, 0));
    }
    let first = 2 * at + (offset >> 1u);
    if (offset & 1) == 0 {
        return Taps(first - 1, vec3i(1, 2, 1));
    }
    return Taps(first, vec3i(2, 2, 0));
}

// A code of 16 bits, less half their range, mixed of samples of a plane.
fn code(job: MapJob, plane: u32, x: Taps, y: Taps) -> i32 {
    let area = job.planes[plane];
    let log2 = job.source_log2_samples_per_word;
    let bits = 32u >> log2;
    var sum = 0u;
    for (var down = 0; down < 3; down++) {
        let row = u32(max(y.first + down, 0));
        let line = area.offset + (clamp(row, area.row, area.row + area.rows - 1u) - area.row) * area.stride;
        for (var along = 0; along < 3; along++) {
            let part = u32(y.quarters[down] * x.quarters[along]);
            if part > 0u {
                let column = source_column(area, u32(max(x.first + along, 0)));
                let lane = column & ((1u << log2) - 1u);
                sum += part * extractBits(source[line + (column >> log2)], lane * bits, bits);
            }
        }
    }
    return i32(sum << job.source_up) - HALF;
}

fn mixture(job: MapJob, codes: vec3i) -> Mixture {
    var places = vec3u();
    for (var axis = 0u; axis < 3u; axis++) {
        let row = vec3i(job.matrix[3u * axis], job.matrix[3u * axis + 1u], job.matrix[3u * axis + 2u]);
        let sum = job.offsets[axis] + row.x * codes.x + row.y * codes.y + row.z * codes.z;
        places[axis] = u32(clamp((sum >> job.shift) + HALF, 0, job.last_place));
    }
    let strides = vec3u(1u, job.nodes, job.nodes * job.nodes);
    let cell = (places >> vec3u(10u)) * strides;
    let first = cell.x + cell.y + cell.z;
    // The fraction, and below it how far the next node along the axis is, so that both are sorted.
    let keys = ((places & vec3u(1023u)) << vec3u(13u)) | strides;
    let most = max(max(keys.x, keys.y), keys.z);
    let least = min(min(keys.x, keys.y), keys.z);
    let middle = max(min(keys.x, keys.y), min(max(keys.x, keys.y), keys.z));
    let second = first + (most & 8191u);
    let third = second + (middle & 8191u);
    let parts = vec3u(most, middle, least) >> vec3u(13u);
    return Mixture(
        vec4u(first, second, third, third + (least & 8191u)),
        vec4u(1024u - parts.x, parts.x - parts.y, parts.y - parts.z, parts.z),
    );
}

fn luma_node(node: u32) -> u32 {
    return extractBits(table[node >> 1u], (node & 1u) * 16u, 16u);
}

fn rounded(job: MapJob, values: vec4u, parts: vec4u) -> u32 {
    return (dot(values, parts) + (1u << (job.output_shift - 1u))) >> job.output_shift;
}

@compute @workgroup_size(64)
fn map_colour(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) workgroups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let job = jobs[job_of(number)];
    let place = place_in_job(number - job.first_workgroup, job.row_workgroups, job.height);
    let word = place.part * 64u + lane;
    let first = word << job.output_log2_samples_per_word;
    if place.plane > 0u || first >= job.width {
        return;
    }
    let bits = 32u >> job.output_log2_samples_per_word;
    let last = min(job.width, first + (1u << job.output_log2_samples_per_word));
    let y = i32(job.row + place.row);
    var joined = vec2u();
    for (var at = first; at < last; at++) {
        let x = i32(job.column + at);
        let up = (at - first) * bits;
        let here = array(Taps(x, vec3i(4, 0, 0)), Taps(y, vec3i(4, 0, 0)));
        if job.chroma == 0u {
            let chroma_x = chroma_taps(x, job.subsampling_x, job.offset_x);
            let chroma_y = chroma_taps(y, job.subsampling_y, job.offset_y);
            let codes = vec3i(
                code(job, 0u, here[0], here[1]),
                code(job, 1u, chroma_x, chroma_y),
                code(job, 2u, chroma_x, chroma_y),
            );
            let mixed = mixture(job, codes);
            let nodes = mixed.nodes;
            let values = vec4u(luma_node(nodes.x), luma_node(nodes.y), luma_node(nodes.z), luma_node(nodes.w));
            joined.x |= rounded(job, values, mixed.parts) << up;
        } else {
            let luma_x = luma_taps(x, job.subsampling_x, job.offset_x);
            let luma_y = luma_taps(y, job.subsampling_y, job.offset_y);
            let codes = vec3i(
                code(job, 0u, luma_x, luma_y),
                code(job, 1u, here[0], here[1]),
                code(job, 2u, here[0], here[1]),
            );
            let mixed = mixture(job, codes);
            let nodes = mixed.nodes + vec4u(job.chroma_nodes);
            let values = vec4u(table[nodes.x], table[nodes.y], table[nodes.z], table[nodes.w]);
            joined.x |= rounded(job, values & vec4u(0xffffu), mixed.parts) << up;
            joined.y |= rounded(job, values >> vec4u(16u), mixed.parts) << up;
        }
    }
    let to = job.output + place.row * job.output_stride + word;
    output[to] = joined.x;
    if job.chroma == 1u {
        output[to + job.output_plane] = joined.y;
    }
}
