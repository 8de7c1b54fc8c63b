# A small image that runs as nobody, with nothing in it but the hub.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin presence-hub

FROM debian:bookworm-slim
RUN useradd --system --no-create-home hub
USER hub
COPY --from=build /src/target/release/presence-hub /usr/bin/presence-hub
# Inside a container the hub listens on all addresses, so it needs apps of its own: the demo app is for loopback only.
ENV PRESENCE_HUB_LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/usr/bin/presence-hub"]
