//! Frames a second of cropping and scaling, per device and job. Units of throughput are source frames.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::time::Instant;
use upright_benches::scale::{Running, devices, jobs};

#[expect(clippy::expect_used, reason = "a bench that cannot run has nothing better to do than to say why")]
fn scale(criterion: &mut Criterion) {
    for (name, device) in devices().expect("the devices can be opened") {
        let mut group = criterion.benchmark_group(format!("scale/{name}"));
        group.throughput(Throughput::Elements(1)).sample_size(20);
        for job in jobs() {
            let mut running = Running::new(&device, &job).expect("the device can take the job");
            group.bench_function(job.name, |bencher| {
                bencher.iter_custom(|frames| {
                    let begin = Instant::now();
                    running.frames(frames).expect("the device works");
                    begin.elapsed()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, scale);
criterion_main!(benches);
