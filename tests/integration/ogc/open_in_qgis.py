"""Opens what the host serves as a QGIS project would, counts and renders; prints a JSON line of what it found.

    QT_QPA_PLATFORM=offscreen python3 open_in_qgis.py URL TOKEN FOLDER [GPKG]
"""
import http.server
import json
import os
import sys
import threading
import urllib.error
import urllib.request

from qgis.core import (QgsApplication, QgsCoordinateReferenceSystem, QgsMapRendererParallelJob, QgsMapSettings,
                       QgsRasterLayer, QgsRectangle, QgsVectorLayer)
from qgis.PyQt.QtCore import QSize

url, token, folder = sys.argv[1:4]
BOX = QgsRectangle(109.9, 19.7, 110.7, 20.1)


class Door(http.server.BaseHTTPRequestHandler):
    """Signs every request: this version of QGIS knows no way to send a bearer token itself."""

    def do_GET(self):
        request = urllib.request.Request(url + self.path, headers={
            "Authorization": "Bearer " + token, "Host": self.headers["Host"], "Accept": self.headers.get("Accept", "*/*")})
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as failure:
            answer = failure
        body = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def render(layer, name):
    """Of the layer drawn alone: how many colours (more than one says that something was drawn) and how bright they are."""
    settings = QgsMapSettings()
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4490"))
    settings.setLayers([layer])
    settings.setExtent(BOX)
    settings.setOutputSize(QSize(400, 200))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(os.path.join(folder, "qgis-%s.png" % name))
    seen = [image.pixelColor(x, y) for x in range(0, 400, 3) for y in range(0, 200, 3)]
    return {"colours": len({each.rgba() for each in seen}), "brightness": sum(each.lightness() for each in seen) / len(seen)}


def look(layer, name, **more):
    return {"valid": layer.isValid(), **(render(layer, name.replace(" ", "-")) if layer.isValid() else {"colours": 0}), **more}


application = QgsApplication([], True)
application.initQgis()
door = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
threading.Thread(target=door.serve_forever, daemon=True).start()
here = "http://127.0.0.1:%d" % door.server_port
found = {}
raster = {
    "wms": "contextualWMSLegend=0&crs=EPSG:4490&dpiMode=7&format=image/png&layers=basemap&layers=lpg.stations&styles="
           "&styles=&url=%s/wms" % here,
    "wmts": "crs=EPSG:3857&dpiMode=7&format=image/png&layers=basemap&styles=basemap&tileMatrixSet=WebMercatorQuad"
            "&url=%s/wmts/1.0.0/WMTSCapabilities.xml" % here,
}
raster["wms night"] = raster["wms"].replace("&styles=&styles=", "&styles=basemap-night&styles=stations-night")
raster["wmts night"] = raster["wmts"].replace("styles=basemap", "styles=basemap-night")
for name, uri in raster.items():
    found[name] = look(QgsRasterLayer(uri, name, "wms"), name)
oapif = QgsVectorLayer("url='%s' typename='lpg.stations' pageSize='100'" % here, "oapif", "OAPIF")
found["oapif"] = look(oapif, "oapif", count=sum(1 for _ in oapif.getFeatures()) if oapif.isValid() else 0)
if len(sys.argv) > 4:
    stored = QgsVectorLayer("%s|layername=lpg_station" % sys.argv[4], "gpkg", "ogr")
    found["gpkg"] = look(stored, "gpkg", count=stored.featureCount())
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)  # QGIS's own clearing up at the end is not what is looked at
