# The course as a container: everything that is needed to read it, work with it and test it.
#
#     docker build -t bioimage-course .
#     docker run --rm -p 8888:8888 bioimage-course          # JupyterLab; the address with its token is printed
#     docker run --rm bioimage-course course doctor         # does every tool work?
#     docker run --rm -v "$PWD:/work" -w /work bioimage-course python my_analysis.py
#
# The versions are those of requirements/course.lock, each checked against its hash. On a cluster without
# Docker: apptainer build bioimage-course.sif docker-daemon://bioimage-course:latest
#
# The tag below moves with security updates. For a paper write the digest that `docker inspect` shows instead:
# FROM python@sha256:…
FROM python:3.12-slim-bookworm

# Libraries for Qt (napari), a browser for the tests of the pages, and make.
RUN apt-get update \
    && apt-get install -y --no-install-recommends make git chromium fonts-dejavu-core \
        libegl1 libgl1 libxkbcommon0 libdbus-1-3 libgomp1 \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home learner
USER learner
WORKDIR /home/learner/course

# First only what the environment is made of: as long as the lock does not change, this layer is kept.
COPY --chown=learner:learner requirements requirements
COPY --chown=learner:learner pyproject.toml README.md LICENSE LICENSE-content ./
RUN pip install --user --no-cache-dir --no-deps --require-hashes -r requirements/course.lock

COPY --chown=learner:learner . .
RUN pip install --user --no-cache-dir --no-deps -e . && ~/.local/bin/course preview

ENV PATH=/home/learner/.local/bin:$PATH \
    QT_QPA_PLATFORM=offscreen \
    OMP_WAIT_POLICY=PASSIVE
EXPOSE 8888
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser", "--notebook-dir=notebooks"]
