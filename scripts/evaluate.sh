#!/usr/bin/env bash
# Measures how well films are framed, and writes benches/results/framing.md: camera paths against people's, cuts, faces and
# persons in the window by other detectors than those that plan, scenes with rules, and what it costs. Generated films
# always; real ones, and scenes made of them, where a folder `shared` lies beside the repository.
set -euo pipefail
cd "$(dirname "$0")/.."

shared=${SHARED:-../shared}
target=${CARGO_TARGET_DIR:-target}
cargo build --release --workspace --bins
work=$target/framing
mkdir -p "$work"
processor=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n1)
vectors=AVX2
if grep -qw avx512bw /proc/cpuinfo; then vectors=AVX-512; fi

# figure KEY JSON
figure() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" <<<"$2"; }
percent() { awk -v part="$1" 'BEGIN { printf "%.1f%%", 100 * part }'; }
rounded() { awk -v value="$1" -v digits="$2" 'BEGIN { printf "%.*f", digits, value }'; }

paths() {
    echo 'Camera paths: human crop tracks of RetargetVid, each seen through a simulated detector (5 Hz, 1.5% noise, 12% not'
    echo 'seen, now and then somebody else), solved, and compared with the track. Parameters were chosen on the first half.'
    echo
    echo '| clips | tracks | IoU 1:3 | held by 9:16 | at rest | reversals in 100 frames |'
    echo '|---|---|---|---|---|---|'
    local half json
    for half in first second; do
        json=$(zcat "$shared/retargetvid/human-crops-1x3.csv.gz" | "$target/release/paths" --clips "$half")
        printf '| %s half | %s | %s | %s | %s | %s |\n' "$half" "$(figure tracks "$json")" \
            "$(rounded "$(figure iou "$json")" 3)" "$(percent "$(figure held "$json")")" \
            "$(percent "$(figure rest "$json")")" "$(rounded "$(figure reversals "$json")" 2)"
    done
    echo '| target | | .850 | 93.5% | 40% | 1.0 |'
    echo
}

cost() {
    local json
    json=$(taskset -c 0 "$target/release/looking")
    echo "What looking at a film costs over decoding it, 1080p (AV1), one core, median of five runs in turn:"
    echo "$(rounded "$(figure cost_without_detectors "$json")" 2) times without detectors," \
        "$(rounded "$(figure cost_with_detectors "$json")" 2) times with them" \
        "(decoding $(rounded "$(figure decode "$json")" 2) s for $(figure frames "$json") frames)."
    echo
}

{
    echo '# Framing'
    echo
    echo "Made by \`make evaluate\` on $(nproc) cores of $processor ($vectors)."
    echo
    if [[ -e $shared/retargetvid/human-crops-1x3.csv.gz ]]; then paths; fi
    cost
    benches/framing/run.sh "$target/release/upright" --footage "$shared/footage" | sed -n '/^Share of samples/,$p'
} >"$work/framing.md"
mv "$work/framing.md" benches/results/framing.md
cat benches/results/framing.md
