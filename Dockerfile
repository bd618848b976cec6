# perdure in an image: built in one stage, run as nobody in particular in the
# other. The directory with scenarios is mounted at /work:
#
#     docker build -t perdure .
#     docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/work" perdure \
#         run scenarios/orders-on-lambda.json --out report
FROM debian:12-slim AS build
WORKDIR /src
COPY ci/setup ci/setup
RUN ci/setup build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make -j"$(nproc)" && make install DESTDIR=/image PREFIX=/usr/local

FROM debian:12-slim
# What the program is linked against, and nothing to compile with.
RUN apt-get update -qq && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends \
        libcjson1 libevent-2.1-7 libfiu0 libjemalloc2 libsodium23 \
        libsqlite3-0 libzstd1 && \
    rm -rf /var/lib/apt/lists/*
COPY --from=build /image/usr/local /usr/local
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin perdure
USER 10001
WORKDIR /work
ENTRYPOINT ["perdure"]
CMD ["--help"]
