"""Writes a file of canaries for each layer into a folder."""
import json
import os
import sys

import canaries

os.makedirs(sys.argv[1])
for layer in canaries.load_layers().values():
    with open(os.path.join(sys.argv[1], layer.id + ".geojson"), "w", encoding="utf-8") as file:
        json.dump(layer.geojson(), file, ensure_ascii=False)
