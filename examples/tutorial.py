"""The first lesson: a neuron, its activation, a small network that tells women and men apart.

Run it with `make demo`, or `python examples/tutorial.py`. The pictures go into `images/` beside it.
"""

from pathlib import Path

import numpy as np

import lamina
from lamina.layers import Activation, Dense
from lamina.models import Sequential
from lamina.utils import plot_model, to_categorical
from lamina.visualization import plot_activation, plot_network

IMAGES = Path(__file__).parent / "images"

lamina.utils.set_random_seed(2018)

# 1. A perceptron: one neuron with three inputs. It adds up its weighted inputs and a bias,
#    z = w1*x1 + w2*x2 + w3*x3 + b, and an activation function turns z into its answer.
perceptron = Sequential(name="perceptron")
perceptron.add(Dense(1, input_dim=3, kernel_initializer="random_normal", name="neuron"))
perceptron.add(Activation("sigmoid", name="activation"))
plot_model(perceptron, to_file=IMAGES / "perceptron.png", show_shapes=True, show_layer_names=True)

# 2. A thousand people: height, weight and age, already scaled to mean 0 and deviation 1.
#    The first half are men: taller and heavier by 1, and younger by 1.
people = 1000
height, weight, age = np.random.normal(size=(3, people))
is_man = np.arange(people) < people // 2
height[is_man] += 1
weight[is_man] += 1
age[is_man] -= 1
x = np.stack([height, weight, age], axis=1)  # (people, 3)
y = to_categorical(is_man, num_classes=2)  # (people, 2): column 0 is "woman", column 1 "man"

# 3. A network: three inputs, four hidden neurons, two outputs that are probabilities.
model = Sequential(name="people")
model.add(Dense(4, input_dim=3, kernel_initializer="random_normal", name="hidden"))
model.add(Activation("relu", name="relu"))
model.add(Dense(2, kernel_initializer="random_normal", name="sex"))
model.add(Activation("softmax", name="softmax"))
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
plot_model(model, to_file=IMAGES / "people.png", show_shapes=True, show_layer_names=True)

# 4. Training: ten times through all people, eight at a time.
history = model.fit(x, y, epochs=10, batch_size=8)

# 5. A prediction, for somebody average in everything.
woman, man = model.predict(np.array([[0.0, 0.0, 0.0]]), verbose=0)[0]
print(f"\nAverage height, weight and age: {'a woman' if woman > man else 'a man'}", end=" ")
print(f"(woman {woman:.0%}, man {man:.0%})")

# 6. The other pictures: what the network has learnt, how, and its activation functions.
plot_network(model, to_file=IMAGES / "network.png")
plot_activation("sigmoid", "tanh", to_file=IMAGES / "sigmoid-tanh.png")
plot_activation("relu", to_file=IMAGES / "relu.png")
history.plot(to_file=IMAGES / "history.png")
print(f"The pictures are in {IMAGES}")
