"""The whole chain in Python: a training function in, answers of a committee out.

    python chain.py FOLDER

The search is kept in FOLDER: run it again and it goes on from there.
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import quorate as qr

# What models learn from, what they are chosen by, what thresholds are calibrated on and what is reported on never mix.
digits = load_digits()
x, y = (digits.data / 16).astype(np.float32), digits.target
x_train, x_rest, y_train, y_rest = train_test_split(x, y, train_size=0.4, random_state=0, stratify=y)
x_valid, x_rest, y_valid, y_rest = train_test_split(x_rest, y_rest, train_size=1 / 3, random_state=0, stratify=y_rest)
x_calib, x_test, y_calib, y_test = train_test_split(x_rest, y_rest, train_size=0.5, random_state=0, stratify=y_rest)

SPACE = {"hidden": qr.Int(4, 256, log=True), "lr": qr.Float(1e-3, 1e-1, log=True)}


def network(hidden: int) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))


def train(job) -> None:
    torch.manual_seed(job.seed)
    net = network(job.config["hidden"])
    optimiser = torch.optim.SGD(net.parameters(), lr=job.config["lr"], momentum=0.9)
    if job.checkpoint is not None:
        state = torch.load(job.checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])

    inputs, labels = torch.from_numpy(x_train), torch.from_numpy(y_train)
    for epoch in range(job.checkpoint_resource + 1, job.to_resource + 1):
        order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(job.seed + epoch))
        for batch in order.split(16):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[batch]), labels[batch]).backward()
            optimiser.step()
        with torch.inference_mode():
            loss = torch.nn.functional.cross_entropy(net(torch.from_numpy(x_valid)), torch.from_numpy(y_valid))
        job.report(epoch, float(loss))

    state = io.BytesIO()
    torch.save({"net": net.state_dict(), "optimiser": optimiser.state_dict()}, state)
    job.save_checkpoint(state.getvalue())

    answers = torch.nn.Sequential(net, torch.nn.Softmax(1)).eval()  # models answer with probabilities
    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.pt"
        torch.jit.trace(answers, torch.zeros(2, 64)).save(str(file))
        job.add_model(
            predictions={
                "valid": answers(torch.from_numpy(x_valid)).numpy(),
                "calib": answers(torch.from_numpy(x_calib)).numpy(),
            },
            cost={"flops": 2 * 74 * job.config["hidden"]},
            model=file,
        )


def main(folder: str) -> None:
    # Search: a library of models.
    study = qr.Study(folder, space=SPACE, max_resource=27, eta=3, seed=0)
    lib = study.library
    lib.set_labels("valid", y_valid)
    lib.set_labels("calib", y_calib)
    study.run(train, trials=12, workers=2)
    print(f"search: {len(lib)} models from {len(study.trials())} trials")

    # Select and route: what the models' held-out answers are worth at which cost.
    valid, cost = lib.predictions("valid"), lib.cost("flops")
    front = qr.select(valid, cost=cost, max_size=8)
    print(f"select: {len(front)} ensembles, the best of {len(front[-1].members)} members")
    cascades = qr.find_cascades(valid, cost, max_depth=2)
    cascade = qr.calibrate(cascades[-1], lib.predictions("calib"), max_loss_increase=0.03, delta=0.1)
    print(f"route: {len(cascade.tiers)} tiers, {cascade.certificate}")

    # Plan: where the cascade's models run. Demand is the share of samples that reaches each.
    members = [m for tier in cascade.tiers for m in tier.members]
    names = [lib.names[m] for m in members]
    devices = qr.discover_devices()
    profile = qr.Profile.measure(lib, devices, models=names, batch_sizes=[1, 8, 32], sample=x_valid[:1])
    plan = qr.plan(profile, devices, demand=qr.evaluate(cascade, valid, cost).demand[members])
    print(f"plan: {plan.throughput:.0f} samples/s, at least {1 - plan.gap:.0%} of the optimum")

    # Infer: the test images, which nothing above has seen.
    with qr.Engine(lib, cascade, plan) as engine:
        answer = engine.predict(x_test)
    accuracy = float(np.mean(answer.answer == y_test))
    print(f"infer: {accuracy:.1%} of {len(y_test)} test images right")
    if accuracy < 0.8:
        sys.exit("the committee should know eight in ten digits")


if __name__ == "__main__":
    main(sys.argv[1])
