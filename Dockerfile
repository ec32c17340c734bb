# mmdefusion for a CPU, with mmcv's ops compiled in it:
#   docker build -t mmdefusion .
#   docker run --rm -v "$PWD:/data" mmdefusion fuse visible.jpg infrared.png --out-dir fused
# The first word is a command of mmdefusion. See docs/docker.md.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
# the compiler stays in this stage
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements requirements
RUN pip install -r requirements/build.txt
# an index of PyTorch's CPU builds, where pip's own has none: --build-arg TORCH_INDEX=URL
ARG TORCH=torch==2.13.0
ARG TORCH_INDEX=
# hadolint ignore=DL3013
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} "$TORCH"
# hadolint ignore=DL3059
RUN pip install -r requirements/runtime.txt -r requirements/torch.txt
# a layer of its own: six minutes that nothing below repeats
# hadolint ignore=DL3059
RUN MMCV_WITH_OPS=1 pip install --no-build-isolation mmcv==2.1.0
# hadolint ignore=DL3059
RUN pip install -r requirements/toolboxes.txt
# no libGL in a slim image: the headless build of the same version
RUN version=$(python -c 'from importlib.metadata import version; print(version("opencv-python"))') && \
    pip uninstall -y opencv-python && pip install --no-deps "opencv-python-headless==$version"
COPY . .
RUN pip install --no-build-isolation --no-deps . && \
    python -c 'import mmcv._ext, mmdet.apis, mmseg.apis, mmdefusion.apis'

FROM python:${PYTHON}-slim
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libglib2.0-0 && rm -rf /var/lib/apt/lists/* && \
    useradd --create-home --uid 1000 user
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH MPLBACKEND=Agg
USER 1000
WORKDIR /data
ENTRYPOINT ["mmdefusion"]
CMD ["--help"]
