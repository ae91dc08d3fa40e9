#import common
#import jobs
#import plane

// Noise averaged away over five frames. Each tile of 16 by 16 samples is looked for in the two frames before and the two after;
// there every sample is added as far as the 5 by 5 around it are what they are in the frame itself.

@group(0) @binding(0) var<storage, read> jobs: array<PlaneJob>;
@group(0) @binding(1) var<storage, read> before_2: array<u32>;
@group(0) @binding(2) var<storage, read> before_1: array<u32>;
@group(0) @binding(3) var<storage, read> source: array<u32>;
@group(0) @binding(4) var<storage, read> after_1: array<u32>;
@group(0) @binding(5) var<storage, read> after_2: array<u32>;
@group(0) @binding(6) var<storage, read_write> output: array<u32>;

const TILE = 16u;
const CELL = 4u;
const FINE = 3u;
const AROUND = 2u;
// Reach, fine steps and what is around a sample; sides of a tile with that.
const APRON = 21u;
const REGION = 58u;
const REGION_WORDS = 29u;
const PATCHES = 20u;
const REACH_CELLS = 4u;
const REGION_CELLS = 12u;
const COARSE_STEPS = 9u;
const FINE_STEPS = 7u;

const NOISE_PARTS = 16;
const MOST_NOISE = 2560u;
const STILL_COST = 19;
const MOTION_COST = 2;
const OWN_WEIGHT = 16;
const NONE = 0x7fffffff;

const OWN = 2u;
const LANES = 64u;
// A lane makes four samples in a row.
const SAMPLES = 4u;

// The tile with what is around it; the same of another frame, further around, two samples to a word; sums over cells of both.
var<workgroup> own: array<i32, 400>;
var<workgroup> region: array<u32, 1682>;
var<workgroup> own_cells: array<i32, 16>;
var<workgroup> region_cells: array<i32, 144>;
// What each lane has found best, as a cost and the number of a place.
var<workgroup> costs: array<i32, 64>;
var<workgroup> places: array<u32, 64>;
var<workgroup> found: u32;

fn source_sample(job: PlaneJob, frame: u32, column: i32, row: i32) -> i32 {
    let x = u32(max(column, 0));
    let word = source_word(job, frame, x, u32(max(row, 0)));
    var samples = source[0];
    switch frame {
        case 0u: { samples = before_2[word]; }
        case 1u: { samples = before_1[word]; }
        case 3u: { samples = after_1[word]; }
        case 4u: { samples = after_2[word]; }
        default: { samples = source[word]; }
    }
    return i32(sample_of(job, frame, samples, x));
}

fn region_sample(column: u32, row: u32) -> i32 {
    let word = region[row * REGION_WORDS + column / 2u];
    return i32(extractBits(word, (column % 2u) * 16u, 16u));
}

fn own_sample(column: u32, row: u32) -> i32 {
    return own[row * PATCHES + column];
}

fn read_own(job: PlaneJob, left: i32, top: i32, lane: u32) {
    for (var at = lane; at < PATCHES * PATCHES; at += LANES) {
        let column = left + i32(at % PATCHES) - i32(AROUND);
        own[at] = source_sample(job, OWN, column, top + i32(at / PATCHES) - i32(AROUND));
    }
}

fn read_region(job: PlaneJob, frame: u32, left: i32, top: i32, lane: u32) {
    for (var at = lane; at < REGION * REGION_WORDS; at += LANES) {
        let column = left + i32(2u * (at % REGION_WORDS)) - i32(APRON);
        let row = top + i32(at / REGION_WORDS) - i32(APRON);
        region[at] = join_halves(source_sample(job, frame, column, row), source_sample(job, frame, column + 1, row));
    }
}

fn sum_own_cells(lane: u32) {
    if lane < 16u {
        var sum = 0;
        for (var at = 0u; at < CELL * CELL; at++) {
            sum += own_sample(lane % 4u * CELL + at % CELL + AROUND, lane / 4u * CELL + at / CELL + AROUND);
        }
        own_cells[lane] = sum;
    }
}

fn sum_region_cells(lane: u32) {
    let margin = FINE + AROUND;
    for (var cell = lane; cell < REGION_CELLS * REGION_CELLS; cell += LANES) {
        var sum = 0;
        for (var at = 0u; at < CELL * CELL; at++) {
            let column = cell % REGION_CELLS * CELL + at % CELL + margin;
            sum += region_sample(column, cell / REGION_CELLS * CELL + at / CELL + margin);
        }
        region_cells[cell] = sum;
    }
}

fn cell_difference(right: u32, down: u32) -> i32 {
    var sum = 0;
    for (var at = 0u; at < 16u; at++) {
        sum += abs(own_cells[at] - region_cells[(at / 4u + down) * REGION_CELLS + at % 4u + right]);
    }
    return sum;
}

// How the tile differs from what lies at a place of the region.
fn difference(left: u32, top: u32) -> i32 {
    var sum = 0;
    for (var row = 0u; row < TILE; row++) {
        for (var column = 0u; column < TILE; column++) {
            sum += abs(own_sample(column + AROUND, row + AROUND) - region_sample(left + column, top + row));
        }
    }
    return sum;
}

// The place of the least cost, the first of several. A place is a row times 256 and a column.
fn least() -> u32 {
    var best = 0u;
    for (var at = 1u; at < LANES; at++) {
        // Places are numbered in the order in which they would be looked at one after the other.
        if costs[at] < costs[best] || (costs[at] == costs[best] && places[at] < places[best]) {
            best = at;
        }
    }
    return best;
}

fn weight(sum: i32, noise: i32) -> i32 {
    let least = 50 * noise * noise / (NOISE_PARTS * NOISE_PARTS);
    let span = 2 * least + 1;
    let below = clamp(least + span - sum, 0, span);
    return (below * ((1 << 30u) / span) + (1 << 25u)) >> 26u;
}

@compute @workgroup_size(64)
fn denoise(
    @builtin(workgroup_id) workgroup: vec3u,
    @builtin(num_workgroups) workgroups: vec3u,
    @builtin(local_invocation_index) lane: u32,
) {
    let number = workgroup_number(workgroup, workgroups);
    let job = jobs[job_of(number)];
    let tile = place_in_job(number - job.first_workgroup, job.row_workgroups, (job.height + TILE - 1u) / TILE);
    if tile.plane > 0u {
        return;
    }
    let left = i32(job.column + tile.part * TILE);
    let top = i32(job.row + tile.row * TILE);
    let noise = i32(min(job.picture, MOST_NOISE));

    read_own(job, left, top, lane);
    workgroupBarrier();
    sum_own_cells(lane);
    let column = lane % 4u * SAMPLES;
    let row = lane / 4u;
    var sums = vec4i(0);
    var weights = vec4i(OWN_WEIGHT);
    for (var at = 0u; at < SAMPLES; at++) {
        sums[at] = OWN_WEIGHT * own_sample(column + at + AROUND, row + AROUND);
    }

    for (var step = 0u; step < 4u && noise > 0; step++) {
        let frame = step + select(0u, 1u, step >= OWN);
        workgroupBarrier();
        read_region(job, frame, left, top, lane);
        workgroupBarrier();
        sum_region_cells(lane);
        workgroupBarrier();
        var cost = NONE;
        var place = 0u;
        for (var at = lane; at < COARSE_STEPS * COARSE_STEPS; at += LANES) {
            let right = at % COARSE_STEPS;
            let down = at / COARSE_STEPS;
            let moves = right != REACH_CELLS || down != REACH_CELLS;
            let here = cell_difference(right, down) + select(0, MOTION_COST * noise, moves);
            if here < cost {
                cost = here;
                place = at;
            }
        }
        costs[lane] = cost;
        places[lane] = place;
        workgroupBarrier();
        if lane == 0u {
            let coarse = places[least()];
            let right = coarse % COARSE_STEPS * CELL + AROUND;
            let down = coarse / COARSE_STEPS * CELL + AROUND;
            found = (down << 8u) | right;
        }
        workgroupBarrier();
        let coarse = found;
        // One lane keeps what has not moved, which comes before all others.
        cost = NONE;
        place = 0u;
        if lane < FINE_STEPS * FINE_STEPS {
            let right = (coarse & 255u) + lane % FINE_STEPS;
            let down = (coarse >> 8u) + lane / FINE_STEPS;
            cost = difference(right, down);
            place = ((lane + 1u) << 16u) | (down << 8u) | right;
        } else if lane == LANES - 1u {
            let still = difference(APRON, APRON);
            cost = select(still - MOTION_COST * noise, -NONE, still <= STILL_COST * noise);
            place = (APRON << 8u) | APRON;
        }
        costs[lane] = cost;
        places[lane] = place;
        workgroupBarrier();
        if lane == 0u {
            found = places[least()] & 0xffffu;
        }
        workgroupBarrier();
        let right = found & 255u;
        let down = found >> 8u;
        for (var at = 0u; at < SAMPLES; at++) {
            var sum = 0;
            for (var y = 0u; y < PATCHES - TILE + 1u; y++) {
                for (var x = 0u; x < PATCHES - TILE + 1u; x++) {
                    let other = region_sample(right + column + at + x - AROUND, down + row + y - AROUND);
                    let apart = own_sample(column + at + x, row + y) - other;
                    sum += apart * apart;
                }
            }
            let share = weight(sum, noise);
            sums[at] += share * region_sample(right + column + at, down + row);
            weights[at] += share;
        }
    }

    if tile.row * TILE + row >= job.height {
        return;
    }
    let bits = 32u >> job.log2_samples_per_word;
    var joined = 0u;
    for (var at = 0u; at < SAMPLES; at++) {
        let mean = u32(sums[at] + (weights[at] >> 1u)) / u32(weights[at]);
        let place = tile.part * TILE + column + at;
        if place >= job.width {
            continue;
        }
        let lane_of_word = place & ((1u << job.log2_samples_per_word) - 1u);
        joined |= mean << (lane_of_word * bits);
        if lane_of_word == (1u << job.log2_samples_per_word) - 1u || place + 1u == job.width {
            output[job.output + (tile.row * TILE + row) * job.output_stride + (place >> job.log2_samples_per_word)] = joined;
            joined = 0u;
        }
    }
}
