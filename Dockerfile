# The relay's image: one bundle, the downloads that it serves, and Node. Build it with
#   docker build -t converge:0.1.0 .
# or for both processors with a builder that takes two (docker buildx create --use) and
#   docker buildx build --platform linux/amd64,linux/arm64 -t REGISTRY/converge:0.1.0 --push .
# The programs are built once then, on the processor of the builder, and are the same in both images.
# Pin both bases by digest, that of the index and not of one platform, for a build that is the same next year:
#   --build-arg BUILD_BASE=node@sha256:… --build-arg RUNTIME_BASE=node@sha256:…
# For layers of the same digests as well: SOURCE_DATE_EPOCH=… and --output type=registry,rewrite-timestamp=true for --push.

ARG BUILD_BASE=node:24-bookworm
ARG RUNTIME_BASE=node:24-bookworm-slim

# A builder without BuildKit builds for itself alone, and knows no BUILDPLATFORM.
FROM --platform=${BUILDPLATFORM:-linux} ${BUILD_BASE} AS build
WORKDIR /src
# Apart from the sources, so that a change of those does not install everything anew.
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json ./
COPY services services
COPY deploy/build deploy/build
COPY deploy/launcher deploy/launcher
COPY deploy/session-check deploy/session-check
# All, or with commas between: linux-x64, linux-arm64, darwin-arm64, darwin-x64, windows-x64; the builder's own is always made. What
# is left out, the relay says it was built without.
ARG PLATFORMS=all
# What has compressed forms beside it (the programs for Linux are compressed inside) stays as gzip alone, which every client
# takes, and from which the relay makes the plain form; zstd would save a sixth of a download for a sixth more of image.
RUN PLATFORMS=$PLATFORMS npm run build && rm dist/bin/*.zst && for file in dist/bin/*.gz; do rm "${file%.gz}"; done

FROM ${RUNTIME_BASE}
# Nothing installs packages in here: without npm there is less to be scanned and patched.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn* \
  && echo 'converge:x:10001:10001:Converge:/tmp:/bin/sh' >> /etc/passwd \
  && echo 'converge:x:10001:' >> /etc/group
WORKDIR /app
COPY --from=build /src/dist/relay dist/relay
COPY --from=build /src/dist/bin dist/bin
COPY --from=build /src/dist/terminal dist/terminal
COPY LICENSE NOTICE ./
COPY LICENSES LICENSES
# Bases pinned by the digests of different platforms would build, start, and have no download for their own.
RUN HOME=/tmp dist/bin/agent-linux-$(node -p process.arch) --version && rm -rf /tmp/.cache
ENV NODE_ENV=production
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# By hand 9090 answers inside the container alone (docker exec), until INTERNAL_HOST or POD_ADDRESS says otherwise; then
# publish it on loopback: -e INTERNAL_HOST=:: -p 127.0.0.1:9090:9090.
EXPOSE 8080 9090
# SIGTERM drains (DRAIN_DELAY_SECONDS + DRAIN_TIMEOUT_SECONDS: give docker stop at least that, -t 60).
STOPSIGNAL SIGTERM
# The relay takes its flags of Node by itself: services/shared/machine/runtime-flags.ts.
ENTRYPOINT ["node", "dist/relay/main.js"]

ARG VERSION=0.1.0
ARG REVISION=unknown
# What a FROM takes is not known after it unless it is asked for again.
ARG RUNTIME_BASE
LABEL org.opencontainers.image.title="Converge" \
  org.opencontainers.image.description="A relay for SSH sessions into running CI jobs, end to end encrypted" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.base.name="${RUNTIME_BASE}"
