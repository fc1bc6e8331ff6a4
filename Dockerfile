# syntax=docker/dockerfile:1
# The one image: the binary, whose first argument says what it runs, and the nats-server of profile small.
# `make image` builds it; BASE changes what it stands on, which needs glibc, libgcc and CA certificates.
ARG RUST=docker.io/library/rust:1.95-slim-trixie
ARG GO=docker.io/library/golang:1.26-trixie
ARG BASE=gcr.io/distroless/cc-debian13:nonroot

FROM ${RUST} AS chef
# The embedded SQLite and the cryptography are C.
RUN apt-get update -q && apt-get install -y -q --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
RUN cargo install cargo-chef --locked --version 0.1.78
WORKDIR /src

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
# The compiler's flags for SQLite have to be there before it is built.
COPY .cargo .cargo
COPY --from=planner /src/recipe.json .
# This layer stays as long as Cargo.lock does.
RUN cargo chef cook --release --locked --package tributary --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --package tributary

FROM ${GO} AS nats
# As scripts/nats-server.sh pins it.
RUN CGO_ENABLED=0 GOBIN=/out go install -trimpath -ldflags='-s -w' github.com/nats-io/nats-server/v2@v2.15.2 \
    && mkdir -p /data

FROM ${BASE}
COPY --from=build /src/target/release/tributary /usr/local/bin/tributary
COPY --from=nats /out/nats-server /usr/local/bin/nats-server
# For a container without a volume there.
COPY --from=nats --chown=65532:65532 /data /var/lib/tributary
ENV TRIBUTARY_DATA=/var/lib/tributary PATH=/usr/local/bin
USER 65532:65532
EXPOSE 8080 8081 9090 50051
ENTRYPOINT ["/usr/local/bin/tributary"]
CMD ["run"]
