# Builds the fallback server with one bundle:
#   docker build -f deploy/fallback.Dockerfile --build-arg MODEL=mnist -t portcullis-fallback .
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
ARG MODEL=mnist
COPY models/${MODEL} models/${MODEL}
ENV MODEL=${MODEL} NODE_ENV=production
USER node
EXPOSE 8788
# For hosts that do not check health themselves; Kubernetes has its own probes (deploy/kubernetes).
HEALTHCHECK --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8788/v2/health/live').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Set FALLBACK_TOKEN at run time; without it everyone who reaches the port may ask.
CMD ["sh", "-c", "exec node cli/fallback.ts --model \"$MODEL\" --host 0.0.0.0"]
