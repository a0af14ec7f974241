"""Assets, tables and profiles over REST, with the real client."""

import json
import zipfile
from pathlib import Path

import ee
import numpy as np
import pyogrio
import pytest
import shapely
from localearth.rest import Service
from localearth.transport import LocalTransport

ASSET = "TEST/SCENES/20170101T000000_S"
PUBLIC = "projects/earthengine-public/assets/"


def test_an_image_asset_is_described_as_in_the_reference(local):
    found = ee.data.getAsset(ASSET)
    assert {key: found[key] for key in ("type", "name", "id", "startTime", "properties")} == {
        "type": "IMAGE",
        "name": PUBLIC + ASSET,
        "id": ASSET,
        "startTime": "2017-01-01T00:00:00Z",
        "properties": {"CLOUDS": 5, "TILE": "18SUG"},
    }
    assert found["geometry"]["type"] == "Polygon"
    assert found["bands"][0] == {
        "id": "B1",
        "dataType": {"precision": "INT", "range": {"min": 0, "max": 65535}},
        "grid": {
            "crsCode": "EPSG:32618",
            "dimensions": {"width": 40, "height": 40},
            "affineTransform": {"scaleX": 60, "translateX": 399960, "scaleY": -60, "translateY": 4200000},
        },
    }
    assert ee.data.getAsset("TEST/SCENES")["type"] == "IMAGE_COLLECTION"
    assert ee.data.getAsset("TEST/SQUARES")["type"] == "TABLE"


def test_an_asset_that_is_missing_is_none_or_an_error(local):
    with pytest.warns(DeprecationWarning, match="Use getAsset"):
        assert ee.data.getInfo("TEST/NOTHING") is None
    with pytest.raises(ee.EEException, match=r"Asset '.*TEST/NOTHING' does not exist"):
        ee.data.getAsset("TEST/NOTHING")


INSIDE = "intersects(\"{'type': 'Point', 'coordinates': [-76.13, 37.93]}\")"
ELSEWHERE = "intersects(\"{'type': 'Point', 'coordinates': [0, 0]}\")"


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ({}, [1, 2, 3, 4]),
        ({"filter": "properties.CLOUDS<8"}, [1, 3, 4]),
        ({"filter": 'properties.CLOUDS<8 AND startTime >= "2017-01-02T00:00:00Z"'}, [3, 4]),
        ({"filter": 'properties.TILE="18SUG" AND properties.CLOUDS!=50'}, [1, 3, 4]),
        ({"filter": "properties.ABSENT>=0"}, []),
        ({"startTime": "2017-01-02T00:00:00Z", "endTime": "2017-01-03T12:00:00Z", "view": "BASIC"}, None),
        ({"region": {"type": "Point", "coordinates": [0, 0]}}, []),
        ({"filter": INSIDE}, [1, 2, 3, 4]),
        ({"filter": f"{ELSEWHERE} AND {INSIDE}"}, []),
        ({"filter": f"{INSIDE} AND {ELSEWHERE}"}, []),
        ({"pageSize": 3}, [1, 2, 3]),
    ],
)
def test_images_of_a_collection_are_listed(local, query, days):
    if days is None:
        # An image has no end here, so a filter of `endTime` finds none.
        assert ee.data.listImages({"parent": "TEST/SCENES", **query})["images"] == []
        return
    call = ee.data.listImages if "region" in query else ee.data.listAssets
    found = call({"parent": "TEST/SCENES", **query})
    listed = found.get("assets", found.get("images"))
    assert [each["id"] for each in listed] == [f"TEST/SCENES/2017010{day}T000000_S" for day in days]
    assert all("bands" in each for each in listed)


def test_pages_of_a_list_follow_each_other(local):
    first = ee.data.listAssets({"parent": "TEST/SCENES", "pageSize": 3, "view": "BASIC"})
    second = ee.data.listAssets({"parent": "TEST/SCENES", "pageSize": 3, "pageToken": first["nextPageToken"]})
    assert [len(first["assets"]), len(second["assets"])] == [3, 1]
    assert "nextPageToken" not in second
    assert first["assets"][0].keys() == {"type", "name", "id"}


def test_what_cannot_be_listed_is_refused(local):
    with pytest.raises(ee.EEException, match="has no folders"):
        ee.data.listAssets("projects/some-project/assets")
    with pytest.raises(ee.EEException, match="is not a collection of images"):
        ee.data.listAssets(ASSET)
    with pytest.raises(ee.EEException, match="does not understand the filter 'CLOUDS ~ 3 OR x'"):
        ee.data.listAssets({"parent": "TEST/SCENES", "filter": "CLOUDS ~ 3 OR x"})


def test_pixels_of_an_asset_come_on_its_own_grid_or_the_given_one(local):
    request = {"assetId": ASSET, "fileFormat": "NUMPY_NDARRAY", "bandIds": ["B2"]}
    (band,) = [each for each in local.find(ASSET).bands if each.name == "B2"]
    np.testing.assert_array_equal(ee.data.getPixels(request)["B2"], band.pixels)
    affine = {"scaleX": 10, "translateX": 399980, "scaleY": -10, "translateY": 4199970}
    grid = {"crsCode": "EPSG:32618", "dimensions": {"width": 4, "height": 3}, "affineTransform": affine}
    got = ee.data.getPixels({**request, "grid": grid})
    np.testing.assert_array_equal(got["B2"], band.pixels[3:6, 2:6])
    with pytest.raises(ee.EEException, match="is not an Image"):
        ee.data.getPixels({**request, "assetId": "TEST/SQUARES"})


def points(count):
    def one(n):
        place = ee.Geometry.Point([ee.Number(n).divide(100), 1])
        return ee.Feature(place, {"n": n, "name": ee.String("p").cat(ee.Number(n).format("%d"))})

    return ee.FeatureCollection(ee.List.sequence(0, count - 1).map(one))


def test_features_are_computed_in_pages(local):
    first = ee.data.computeFeatures({"expression": points(5), "pageSize": 3})
    assert first["features"][1] == {
        "type": "Feature",
        "id": "1",
        "geometry": {"type": "Point", "coordinates": [0.01, 1]},
        "properties": {"n": 1, "name": "p1"},
    }
    assert len(first["features"]) == 3
    second = ee.data.computeFeatures({"expression": points(5), "pageToken": first["nextPageToken"]})
    assert [each["id"] for each in second["features"]] == ["3", "4"]
    frame = ee.data.computeFeatures({"expression": points(2100), "fileFormat": "PANDAS_DATAFRAME"})
    assert frame["n"].tolist() == list(range(2100))
    with pytest.raises(ee.EEException, match="Invalid pageToken 'x'"):
        ee.data.computeFeatures({"expression": points(2), "pageToken": "x"})


def test_features_of_a_table_are_listed(local):
    found = ee.data.listFeatures({"assetId": "TEST/SQUARES", "filter": "size>0"})
    assert [(each["id"], each["properties"]) for each in found["features"]] == [("1", {"name": "b", "size": 1})]
    # The client writes a dictionary into the address as Python does; a tutorial of Google's has this.
    inside = ee.Geometry.Point(0.5, 0.5).getInfo() | {"geodesic": False}
    for region in ('{"type": "Point", "coordinates": [0.5, 0.5]}', inside):
        found = ee.data.listFeatures({"assetId": "TEST/SQUARES", "region": region})
        assert [each["id"] for each in found["features"]] == ["0"]


@pytest.fixture
def fetch(client, world):
    """Fetches the path of an address."""
    client.local = LocalTransport(world)

    def get(url):
        status, _, content = client.local.service.handle("GET", "/" + url.split("/", 3)[3], {}, None)
        assert status == 200, content
        return content

    return get


def test_a_table_is_downloaded_as_csv(fetch):
    assert fetch(points(2).getDownloadURL()).decode() == (
        "system:index,n,name,.geo\n"
        '0,0,p0,"{""type"":""Point"",""coordinates"":[0.0,1.0]}"\n'
        '1,1,p1,"{""type"":""Point"",""coordinates"":[0.01,1.0]}"\n'
    )
    assert fetch(points(2).getDownloadURL("csv", ["name", "absent"])) == b"name,absent\np0,\np1,\n"
    nowhere = ee.FeatureCollection([ee.Feature(None, {"a": [1, 2], "b": True})])
    (line,) = fetch(nowhere.getDownloadURL("CSV")).decode().splitlines()[1:]
    assert line == '0,"[1, 2]",true,"{""type"":""MultiPoint"",""coordinates"":[]}"'


def test_a_table_is_downloaded_as_geojson(fetch):
    found = json.loads(fetch(points(2).getDownloadURL("geojson", ["n"])))
    assert found["type"] == "FeatureCollection"
    assert [each["properties"] for each in found["features"]] == [{"n": 0}, {"n": 1}]
    with pytest.raises(ee.EEException, match="table format TF_RECORD_TABLE"):
        points(2).getDownloadURL("TF_RECORD_TABLE")


@pytest.mark.parametrize("name", ["table.kml", "table.kmz", "table.shz"])
def test_a_table_is_downloaded_as_a_file_of_gdal(fetch, tmp_path, name):
    square = ee.Geometry.Rectangle([10, 50, 11, 51], None, False)
    rows = [ee.Feature(square, {"n": 7, "a long name": "ä"}), ee.Feature(square.buffer(100), {"n": None, "share": 1})]
    path = tmp_path / name
    path.write_bytes(
        fetch(ee.FeatureCollection(rows).getDownloadURL(name[-3:].replace("shz", "shp"), ["n", "a long name"]))
    )
    if name == "table.kmz":
        with zipfile.ZipFile(path) as archive:
            path = Path(archive.extract("doc.kml", tmp_path))
    # Not the dates of KML, which pyogrio 0.13 reads with a warning of NumPy 2.5.
    meta, _, shapes, fields = pyogrio.raw.read(path, columns=["n", "a long name", "a long nam"])
    found = dict(zip([name.lower()[:6] for name in meta["fields"]], fields, strict=True))
    assert [str(value) for value in found["a long"]] == ["ä", "None"]
    assert float(found["n"][0]) == 7
    assert shapely.from_wkb(shapes[0]).bounds == (10, 50, 11, 51)


def test_a_table_without_columns_is_a_file_of_geometries(fetch, tmp_path):
    path = tmp_path / "table.kml"
    path.write_bytes(fetch(points(2).getDownloadURL("KML", [".geo"])))
    assert len(pyogrio.raw.read(path, columns=[])[2]) == 2


def test_a_shapefile_has_one_type_of_geometries(client, world):
    mixed = points(1).merge(ee.FeatureCollection([ee.Feature(ee.Geometry.BBox(0, 0, 1, 1))]))
    client.local = LocalTransport(world)
    address = mixed.getDownloadURL("SHP")
    status, _, content = client.local.service.handle("GET", "/" + address.split("/", 3)[3], {}, None)
    assert status == 400 and b"one type, not Point, Polygon" in content


def test_exports_are_refused_at_once(local):
    task = ee.batch.Export.image.toCloudStorage(ee.Image(1), "task", "bucket", "prefix", region=ee.Geometry.Point(0, 0))
    with pytest.raises(ee.EEException, match="image:export: the local Earth Engine does not export to Drive, Cloud"):
        task.start()


def test_there_are_no_tasks(local):
    assert ee.batch.Task.list() == ee.data.listOperations() == []


def test_every_request_that_computes_has_a_profile(local):
    ids = []
    with ee.data.profiling(ids.append):
        ee.data.computeFeatures({"expression": points(1)})
        ee.data.getPixels({"assetId": ASSET, "fileFormat": "NPY", "bandIds": ["B1"]})
        ee.Image(1).toUint8().getMapId()
        points(1).getDownloadURL()
        ee.data.getAsset(ASSET)
    assert [each.split("/")[1] for each in ids] == ["computeFeatures", "getPixels", "maps", "tables"]
    text = ee.ApiFunction.lookup("Profile.getProfiles").call(ids=ids).getInfo()
    assert sorted(line.split()[-1] for line in text.splitlines()[1:]) == [
        "computeFeatures",
        "getPixels",
        "maps",
        "tables",
    ]


def test_methods_that_are_not_there_are_501_and_wrong_ones_405(world):
    service = Service(world)
    assert service.handle("POST", "/v1/projects/p/nothing", {}, b"{}")[0] == 501
    assert service.handle("GET", "/v1/projects/p/maps/none/tiles/0/0/0", {}, None)[0] == 404
    assert service.handle("GET", "/v1/projects/p/table:computeFeatures", {}, None)[0] == 405
    assert service.handle("PUT", f"/v1/{PUBLIC}{ASSET}", {}, None)[0] == 405
