"""The REST protocol: routes, errors in Google's form, limits, file formats, and many threads at once."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import ee
import numpy as np
import pytest
import rasterio
from localearth.profile import PER_BYTE, PER_REQUEST
from localearth.rest import Service
from localearth.transport import LocalTransport
from pyproj import Transformer
from shapely.geometry import box

X, Y = 399960.0, 4200000.0
VALUE = "/v1/projects/p/value:compute"
PIXELS = "/v1/projects/p/image:computePixels"
ASSET = "TEST/SCENES/20170101T000000_S"


def node(name, **arguments):
    return {"functionInvocationValue": {"functionName": name, "arguments": arguments}}


def constant(value):
    return {"constantValue": value}


def graph(result, **values):
    return {"result": "0", "values": {"0": result, **values}}


def ask(service, path, body, method="POST"):
    status, headers, answer = service.handle(method, path, {}, json.dumps(body).encode())
    return status, headers, answer


def image(asset=ASSET):
    return graph(node("Image.load", id=constant(asset)))


def error(answer):
    status, _, content = answer
    found = json.loads(content)["error"]
    assert found["code"] == status
    return status, found["message"]


def test_the_discovery_document_says_v1(world):
    status, _, body = Service(world).handle("GET", "/$discovery/rest", {"version": "v1"}, None)
    assert status == 200
    assert json.loads(body)["version"] == "v1"
    assert b"v1alpha" not in body


def test_the_algorithms_are_those_of_the_client(local):
    assert len(ee.data.getAlgorithms()) > 900


def test_an_unknown_path_is_501_in_googles_form(world):
    # A 404 would be "no such asset" for the client.
    assert error(ask(Service(world), "/v1/projects/p/nothing", {})) == (
        501,
        "The local Earth Engine does not implement the method at /v1/projects/p/nothing.",
    )


def test_a_wrong_method_and_a_wrong_body_are_refused(world):
    assert error(ask(Service(world), VALUE, {}, "GET"))[0] == 405
    status, _, body = Service(world).handle("POST", VALUE, {}, b"{nonsense")
    assert status == 400
    assert json.loads(body)["error"]["status"] == "INVALID_ARGUMENT"
    assert error(ask(Service(world), VALUE, {}))[1].startswith("Invalid expression")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"dimensions": {"width": 40_000, "height": 50}},
            "Pixel grid dimensions (40000x50) must be less than or equal to 32768.",
        ),
        (
            # Five uint16 bands, each with a byte a pixel for its mask: 15 bytes.
            {"dimensions": {"width": 2000, "height": 2000}},
            "Total request size (60000000 bytes) must be less than or equal to 50331648 bytes.",
        ),
        ({"dimensions": {"width": 0, "height": 50}}, "Pixel grid dimensions (0x50) must be positive."),
        ({"crsCode": "EPSG:1"}, "The CRS of a map projection could not be parsed: 'EPSG:1'."),
    ],
)
def test_limits_are_googles_in_googles_words(world, grid_of, change, message):
    body = {"expression": image(), "fileFormat": "NPY", "grid": grid_of(X, Y, 10, 10) | change}
    assert error(ask(Service(world), PIXELS, body)) == (400, message)


def partial(world, grid, **more):
    """The answer for the band B2, which has 240 x 240 pixels, with a part of a grid."""
    return ask(
        Service(world), PIXELS, {"expression": image(), "fileFormat": "NPY", "bandIds": ["B2"], "grid": grid, **more}
    )


@pytest.mark.parametrize(
    ("grid", "missing"),
    [
        ({"dimensions": {"width": 10, "height": 10}}, "affineTransform missing"),
        ({"affineTransform": {"scaleX": 20, "scaleY": -20, "translateX": X, "translateY": Y}}, "dimensions missing"),
    ],
)
def test_a_part_of_a_grid_that_could_mean_several_is_refused(world, grid, missing):
    status, message = error(partial(world, grid))
    assert status == 400
    assert f"needs a complete pixel grid: {missing}, and the rest is not the image's own grid" in message


@pytest.mark.parametrize("parts", [(), ("crsCode",), ("dimensions",), ("affineTransform", "crsCode")])
def test_without_a_grid_or_with_a_part_of_it_pixels_come_on_the_images_own(world, grid_of, parts):
    own = grid_of(X, Y, 240, 240)
    status, _, content = partial(world, {key: own[key] for key in parts})
    assert status == 200
    (band,) = [band for band in world.find(ASSET).bands if band.name == "B2"]
    np.testing.assert_array_equal(np.load(io.BytesIO(content))["B2"], band.pixels)


def test_a_region_is_divided_by_the_dimensions_and_has_the_images_pixels_without(world, kit):
    region = kit.lonlat(box(X, Y - 2400, X + 2400, Y)).__geo_interface__
    (band,) = [band for band in world.find(ASSET).bands if band.name == "B2"]
    third = partial(world, {"dimensions": {"width": 80, "height": 80}}, region=region)[2]
    np.testing.assert_array_equal(np.load(io.BytesIO(third))["B2"], band.pixels[1::3, 1::3])
    full = partial(world, {}, region=region)[2]
    np.testing.assert_array_equal(np.load(io.BytesIO(full))["B2"], band.pixels)
    status, message = error(partial(world, {"dimensions": {"width": 80}}, region=region))
    assert (status, message) == (400, "Pixel grid dimensions (80x0) must be positive.")


def test_a_crs_alone_has_pixels_of_the_images_size(world):
    width, height = np.load(io.BytesIO(partial(world, {"crsCode": "epsg:32617"})[2])).shape[::-1]
    corners = Transformer.from_crs("EPSG:32618", "EPSG:32617", always_xy=True).transform(
        [X, X + 2400, X, X + 2400], [Y, Y, Y - 2400, Y - 2400]
    )
    assert [width, height] == pytest.approx([np.ptp(each) / 10 for each in corners], abs=1.5)


def test_a_grid_without_crs_is_in_the_images_own(world, grid_of):
    own = grid_of(X + 20, Y - 30, 5, 4)
    del own["crsCode"]
    content = partial(world, own)[2]
    np.testing.assert_array_equal(np.load(io.BytesIO(content))["B2"], world.find(ASSET).bands[1].pixels[3:7, 2:7])


def test_bands_of_several_projections_need_a_grid_or_a_scale(local):
    scene = ee.Image(ASSET)
    with pytest.raises(ee.EEException, match="different projections"):
        ee.data.computePixels({"expression": scene, "fileFormat": "NUMPY_NDARRAY"})
    region = ee.Geometry.Rectangle([X + 60, Y - 180, X + 240, Y - 60], "EPSG:32618", False)
    cut = scene.clipToBoundsAndScale(geometry=region, scale=20)
    got = ee.data.computePixels({"expression": cut, "fileFormat": "NUMPY_NDARRAY"})
    assert got.shape == (6, 9)
    by_name = {band.name: band.pixels for band in local.find(ASSET).bands}
    np.testing.assert_array_equal(got["B5"], by_name["B5"][3:9, 3:12])
    # The pixel of 60 m that contains the centre of each pixel of 20 m.
    np.testing.assert_array_equal(got["B1"], by_name["B1"][1:3, 1:4].repeat(3, 0).repeat(3, 1))


@pytest.mark.parametrize("size", [{"maxDimension": 9}, {"width": 9, "height": 6}])
def test_bands_of_several_pixel_sizes_can_be_cut_to_a_size(local, size):
    """As a thumbnail of a Sentinel-2 scene is: the client cuts the scene first, and then chooses the bands."""
    region = ee.Geometry.Rectangle([X + 60, Y - 180, X + 240, Y - 60], "EPSG:32618", False)
    cut = ee.Image(ASSET).clipToBoundsAndScale(geometry=region, **size)
    got = ee.data.computePixels({"expression": cut, "fileFormat": "NUMPY_NDARRAY"})
    by_name = {band.name: band.pixels for band in local.find(ASSET).bands}
    np.testing.assert_array_equal(got["B5"], by_name["B5"][3:9, 3:12])
    np.testing.assert_array_equal(got["B1"], by_name["B1"][1:3, 1:4].repeat(3, 0).repeat(3, 1))


def test_more_than_1024_bands_are_refused(world, grid_of):
    many = graph(node("Image.constant", value=constant(list(range(1025)))))
    body = {"expression": many, "fileFormat": "NPY", "grid": grid_of(X, Y, 1, 1)}
    assert error(ask(Service(world), PIXELS, body))[1] == "Number of bands (1025) must be less than or equal to 1024."


def test_band_ids_choose_bands_in_their_order(world, grid_of):
    body = {"expression": image(), "fileFormat": "NPY", "grid": grid_of(X, Y, 4, 3), "bandIds": ["B3", "B1"]}
    status, headers, content = ask(Service(world), PIXELS, body)
    assert (status, headers["content-type"]) == (200, "application/octet-stream")
    got = np.load(io.BytesIO(content))
    assert got.dtype.names == ("B3", "B1")
    assert got.shape == (3, 4)
    assert error(ask(Service(world), PIXELS, body | {"bandIds": ["B77"]}))[1].startswith("Band 'B77' was not found")


def test_large_grids_are_computed_in_blocks(world, grid_of, monkeypatch):
    from localearth import pixels

    slope = graph(node("Terrain.slope", input={"valueReference": "1"}), **{"1": image()["values"]["0"]})
    body = {"expression": slope, "fileFormat": "NPY", "grid": grid_of(X - 50, Y + 50, 70, 50)}
    whole = ask(Service(world), PIXELS, body)
    monkeypatch.setattr(pixels, "BLOCK", 16)
    assert ask(Service(world), PIXELS, body) == whole


def test_a_geotiff_carries_grid_and_band_names(world, grid_of):
    body = {"expression": image(), "fileFormat": "GEO_TIFF", "grid": grid_of(X, Y, 6, 5), "bandIds": ["B2", "B3"]}
    status, _, content = ask(Service(world), PIXELS, body)
    assert status == 200
    with rasterio.MemoryFile(content) as memory, memory.open() as file:
        assert file.crs == rasterio.CRS.from_epsg(32618)
        assert tuple(file.transform)[:6] == (10, 0, X, 0, -10, Y)
        assert file.descriptions == ("B2", "B3")
        np.testing.assert_array_equal(file.read(1), world.find(ASSET).bands[1].pixels[:5, :6])


def test_an_unknown_format_is_named(world, grid_of):
    body = {"expression": image(), "fileFormat": "ZARR", "grid": grid_of(X, Y, 6, 5)}
    assert "does not support the file format ZARR" in error(ask(Service(world), PIXELS, body))[1]


def test_a_value_that_is_no_image_has_no_pixels(world, grid_of):
    body = {"expression": graph(constant("text")), "fileFormat": "NPY", "grid": grid_of(X, Y, 6, 5)}
    assert "Expected type: Image<unknown bands>" in error(ask(Service(world), PIXELS, body))[1]


def test_forty_threads_get_the_same_answer(world, grid_of):
    transport = LocalTransport(world)
    grid = grid_of(928_400, 4_209_600, 32, 32, crs="EPSG:32617")
    body = json.dumps({"expression": image(), "fileFormat": "NPY", "grid": grid})

    def request(_):
        return transport.request("http://localhost" + PIXELS, "POST", body)

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(request, range(120)))
    assert {response.status for response, _ in answers} == {200}
    (content,) = {content for _, content in answers}
    assert np.load(io.BytesIO(content))["B2"].all()


def test_a_chain_of_any_length_needs_no_recursion(world):
    values = {"1": constant(0)}
    for n in range(2, 5002):
        values[str(n)] = node("Number.add", left={"valueReference": str(n - 1)}, right=constant(1))
    status, _, content = ask(Service(world), VALUE, {"expression": {"result": "5001", "values": values}})
    assert (status, json.loads(content)) == (200, {"result": 5000})


def test_a_chain_of_images_that_is_too_long_is_reported(world, grid_of):
    values = {"1": node("Image.constant", value=constant(0))}
    for n in range(2, 3002):
        values[str(n)] = node("Image.add", image1={"valueReference": str(n - 1)}, image2=constant(1))
    body = {"expression": {"result": "3001", "values": values}, "fileFormat": "NPY", "grid": grid_of(X, Y, 1, 1)}
    assert error(ask(Service(world), PIXELS, body)) == (400, "The expression is nested too deeply.")


def test_a_cycle_is_an_error(world):
    values = {
        "0": node("Number.abs", input={"valueReference": "1"}),
        "1": node("Number.abs", input={"valueReference": "0"}),
    }
    assert "cycle" in error(ask(Service(world), VALUE, {"expression": {"result": "0", "values": values}}))[1]


def test_every_kind_of_node_is_evaluated(world):
    body = graph(
        {
            "dictionaryValue": {
                "values": {
                    "whole": {"integerValue": "9007199254740993"},
                    "list": {"arrayValue": {"values": [constant(None), constant(True)]}},
                    "nested": {
                        "functionInvocationValue": {
                            "functionName": "List.map",
                            "arguments": {
                                "list": constant([1, 2]),
                                "baseAlgorithm": {"functionDefinitionValue": {"argumentNames": ["x"], "body": "1"}},
                            },
                        }
                    },
                }
            }
        },
        **{
            "1": node(
                "List.map",
                list=constant([10, 20]),
                baseAlgorithm={"functionDefinitionValue": {"argumentNames": ["y"], "body": "2"}},
            ),
            "2": node("Number.add", left={"argumentReference": "x"}, right={"argumentReference": "y"}),
        },
    )
    status, _, content = ask(Service(world), VALUE, {"expression": body})
    assert (status, json.loads(content)["result"]) == (
        200,
        {"whole": 9007199254740993, "list": [None, True], "nested": [[11, 21], [12, 22]]},
    )


def test_a_function_is_called_with_arguments_by_name(world):
    values = {
        "0": {
            "functionInvocationValue": {
                "functionReference": "1",
                "arguments": {"small": constant(2), "large": constant(10)},
            }
        },
        "1": {"functionDefinitionValue": {"argumentNames": ["large", "small"], "body": "2"}},
        "2": node("Number.subtract", left={"argumentReference": "large"}, right={"argumentReference": "small"}),
    }
    answer = ask(Service(world), VALUE, {"expression": {"result": "0", "values": values}})
    assert json.loads(answer[2]) == {"result": 8}
    del values["0"]["functionInvocationValue"]["arguments"]["small"]
    answer = ask(Service(world), VALUE, {"expression": {"result": "0", "values": values}})
    assert error(answer) == (400, "A function of the expression is called without argument 'small'.")


def test_an_error_in_a_branch_not_taken_has_no_effect(local):
    fails = ee.List([]).get(0)
    both = ee.List([ee.Algorithms.If(True, "yes", fails), ee.Algorithms.If(ee.List([]), fails, "no")])
    assert both.getInfo() == ["yes", "no"]


def test_the_client_is_sent_a_profile_of_what_it_asks_for(local, grid_of):
    table = io.StringIO()
    with ee.profilePrinting(table):
        pixels = ee.data.computePixels(
            {"expression": ee.Image(ASSET), "fileFormat": "NPY", "grid": grid_of(X, Y, 64, 64)}
        )
        ee.Number(1).getInfo()
    head, first, second = table.getvalue().splitlines()
    assert head.split() == ["EECU·s", "PeakMem", "Count", "Description"]
    assert first.split()[1:] == ["-", "1", "computePixels"] and second.split()[1:] == ["-", "1", "compute"]
    assert float(first.split()[0]) == pytest.approx(PER_REQUEST + PER_BYTE * len(pixels), abs=0.0005)
    with pytest.raises(ee.EEException, match="Profile 'p1' not found"):
        ee.ApiFunction.lookup("Profile.getProfiles").call(ids=["p1"]).getInfo()


def test_only_requests_that_ask_for_a_profile_get_one(local):
    heard = []
    ee.Number(1).getInfo()
    with ee.data.profiling(heard.append):
        ee.Number(1).getInfo()
        with pytest.raises(ee.EEException):
            ee.Image("NO/SUCH").getInfo()
    assert len(heard) == 1
