//! Frames a second of cropping and scaling, per device and job, and of FFmpeg's scalers on one core. Units of
//! throughput are source frames. Time is that of the clock, but on the CPU that of one core at work, for FFmpeg and for us.
#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing better to do than to say why")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::{Duration, Instant};
use upright_benches::command::Command;
use upright_benches::scale::filter::{Bench, Library};
use upright_benches::scale::{LADDER, Running, devices, jobs};
use upright_engine::clock;

fn ours(criterion: &mut Criterion) {
    for (name, device) in devices().expect("the devices can be opened") {
        let on_cpu = name == "cpu";
        let mut group = criterion.benchmark_group(format!("scale/{name}"));
        group.throughput(Throughput::Elements(1)).sample_size(20);
        for job in jobs() {
            let mut running = Running::new(&device, &job).expect("the device can take the job");
            let mut best = 0.0;
            group.bench_function(job.name, |bencher| {
                bencher.iter_custom(|frames| {
                    let cpu = || clock::thread().expect("the system tells the time of processors");
                    let (begin, cpu_before) = (Instant::now(), cpu());
                    running.frames(frames).expect("the device works");
                    let wall = begin.elapsed();
                    best = f64::max(best, frames as f64 / wall.as_secs_f64());
                    if on_cpu { cpu() - cpu_before } else { wall }
                });
            });
            // A filter on the command line may have left this one out.
            if best > 0.0 {
                println!("{name}, {}: {}", job.name, running.report(&device, best).expect("the device works"));
            }
        }
        group.finish();
    }
}

fn peers(criterion: &mut Criterion) {
    let bench = Bench::new(&Command::new("ffmpeg")).expect("there is a place for the film");
    let mut group = criterion.benchmark_group("scale/peers on one core");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for library in Library::ALL {
        for (job, rungs) in [("1080p, top rung", &LADDER[..1]), ("1080p, four rungs", &LADDER)] {
            group.bench_function(BenchmarkId::new(library.name(), job), |bencher| {
                bencher.iter_custom(|frames| {
                    let seconds = bench.seconds(library, rungs, frames).expect("ffmpeg works");
                    Duration::from_secs_f64(seconds * frames as f64)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, ours, peers);
criterion_main!(benches);
