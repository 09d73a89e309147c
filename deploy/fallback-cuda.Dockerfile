# Builds the fallback server on CUDA:
#   docker build -f deploy/fallback-cuda.Dockerfile --build-arg MODEL=mnist -t portcullis-fallback-cuda .
# Run it with --gpus all (NVIDIA's container toolkit provides libcuda.so.1). It runs on linux/amd64 only, like the provider.
FROM node:22-slim
WORKDIR /portcullis
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml ./
RUN npx -y pnpm@12 install --prod --frozen-lockfile
COPY shared shared
COPY node node
COPY fallback fallback
COPY attacks attacks
COPY trainer trainer
COPY cli cli
# Installs the provider and NVIDIA's libraries, checked by name, version and content (docs/backends.md). The command also installs
# those of the trainer: 8 GB on disk in all.
ENV PORTCULLIS_CACHE=/portcullis/cache
RUN node cli/backend.ts install --gpu
ARG MODEL=mnist
COPY models/${MODEL} models/${MODEL}
ENV MODEL=${MODEL} NODE_ENV=production NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute
USER node
EXPOSE 8788
STOPSIGNAL SIGTERM
CMD ["sh", "-c", "exec node cli/fallback.ts --model \"$MODEL\" --host 0.0.0.0 --provider cuda"]
