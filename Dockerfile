# An image with the program and what it needs of Debian 12: FFmpeg's libraries, the Vulkan loader and Mesa's drivers; and fonts of most
# scripts, for text in the pictures.
#
#     docker build -t upright .
#     docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" upright convert film.mkv -o out/
#
# GPUs: with `--device /dev/dri` those of Intel and AMD, with `--gpus all` those of NVIDIA (by its container toolkit).

FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl
ARG RUST=stable
RUN curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal --default-toolchain "$RUST"
ENV PATH=/root/.cargo/bin:$PATH
WORKDIR /upright
COPY . .
RUN scripts/setup.sh build && cargo build --release --locked --package upright \
    && mkdir doc && scripts/licences.sh >doc/licences \
    && cp LICENSE-APACHE LICENSE-MIT README.md engine/models/LICENSE-yunet-BSD-3 doc/

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates fonts-noto-cjk fonts-noto-core libavcodec59 libavformat59 \
        libavutil57 libswresample4 libswscale6 libvulkan1 mesa-vulkan-drivers \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home upright \
    && install --directory --owner upright /work
COPY --from=build /upright/target/release/upright /usr/local/bin/
COPY --from=build /upright/doc/ /usr/local/share/doc/upright/
# What NVIDIA's container toolkit lends: Vulkan is among the graphics, encoders and decoders are video.
ENV NVIDIA_DRIVER_CAPABILITIES=graphics,video,utility
USER upright
WORKDIR /work
ENTRYPOINT ["upright"]
CMD ["--help"]
