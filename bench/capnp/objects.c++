// The C++ library's figures for bench/capnp_objects_bench.c: the same objects and values, built in reused memory, written
// as bytes and read back; the best of 50 rounds, nanoseconds per object.
#include "objects.capnp.h"
#include <capnp/message.h>
#include <capnp/serialize.h>
#include <chrono>
#include <cstdio>
#include <kj/io.h>

namespace
{
constexpr unsigned CARS = 100, WHEELS = 4, RESULTS = 200, DEPTH = 8, ROUNDS = 50, TURNS = 100;
uint32_t state;

uint32_t next(uint32_t below)
{
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

kj::StringPtr text_of(uint32_t least, uint32_t below, char (&copy)[256])
{
    static const char letters[] = "the quick brown fox jumps over the lazy dog and then some more of the same, "
                                  "until there is enough of it for any snippet that a search might want to show";
    uint32_t size = least + next(below);
    memcpy(copy, letters, size);
    copy[size] = '\0';
    return kj::StringPtr(copy, size);
}

void build(ParkingLot::Builder lot)
{
    char text[256];
    for (auto car : lot.initCars(CARS)) {
        car.setMake(text_of(4, 8, text));
        car.setModel(text_of(4, 12, text));
        car.setColor(Color(next(6)));
        car.setSeats(2 + next(6));
        car.setDoors(2 + next(3));
        for (auto wheel : car.initWheels(WHEELS)) {
            wheel.setDiameter(25 + next(15));
            wheel.setAirPressure(30 + next(20));
            wheel.setSnowTires(next(16) == 0);
        }
        car.setLength(170 + next(150));
        car.setWidth(48 + next(36));
        car.setHeight(54 + next(48));
        car.setWeight(1000 + next(3000));
        auto engine = car.initEngine();
        engine.setHorsepower(100 + next(400));
        engine.setCylinders(4 + next(9));
        engine.setCc(800 + next(10000));
        engine.setUsesGas(true);
        engine.setUsesElectric(next(2));
        car.setFuelCapacity(10 + next(30));
        car.setFuelLevel(next(10));
        car.setHasPowerWindows(next(2));
        car.setHasPowerSteering(next(2));
        car.setHasCruiseControl(next(2));
        car.setCupHolders(next(12));
    }
}

double sum_of(ParkingLot::Reader lot)
{
    double sum = 0;
    for (auto car : lot.getCars()) {
        sum += car.getMake().size() + car.getModel().size();
        sum += (int)car.getColor() + car.getSeats() + car.getDoors();
        for (auto wheel : car.getWheels())
            sum += wheel.getDiameter() + (double)wheel.getAirPressure() + wheel.getSnowTires();
        sum += car.getLength() + car.getWidth() + car.getHeight() + car.getWeight();
        auto engine = car.getEngine();
        sum += engine.getHorsepower() + engine.getCylinders() + engine.getCc();
        sum += engine.getUsesGas() + engine.getUsesElectric();
        sum += (double)car.getFuelCapacity() + (double)car.getFuelLevel();
        sum += car.getHasPowerWindows() + car.getHasPowerSteering() + car.getHasCruiseControl() + car.getCupHolders();
    }
    return sum;
}

void build(SearchResults::Builder all)
{
    char text[256];
    double score = 1000;
    for (auto result : all.initResults(RESULTS)) {
        result.setUrl(text_of(20, 40, text));
        result.setScore(score--);
        result.setSnippet(text_of(20, 100, text));
    }
}

double sum_of(SearchResults::Reader all)
{
    double sum = 0;
    for (auto result : all.getResults()) {
        auto url = result.getUrl(), snippet = result.getSnippet();
        sum += result.getScore() + url.size() + snippet.size();
        sum += url[url.size() - 1] + snippet[snippet.size() - 1];
    }
    return sum;
}

void build(Expression::Builder e, unsigned depth)
{
    e.setOp(Operation(next(3)));
    if (depth == 0) {
        e.getLeft().setValue(next(100));
        e.getRight().setValue(next(100));
        return;
    }
    build(e.getLeft().initExpression(), depth - 1);
    build(e.getRight().initExpression(), depth - 1);
}

void build(Expression::Builder e) { build(e, DEPTH); }

double sum_of(Expression::Reader e)
{
    auto left = e.getLeft();
    auto right = e.getRight();
    double a = left.isValue() ? left.getValue() : sum_of(left.getExpression());
    double b = right.isValue() ? right.getValue() : sum_of(right.getExpression());
    switch (e.getOp()) {
    case Operation::ADD: return a + b;
    case Operation::SUBTRACT: return a - b;
    default: return a * b / 128;
    }
}

template <typename T> double round()
{
    static capnp::word scratch[8192];
    static kj::byte bytes[1 << 20];
    double sum = 0;
    state = 1;
    for (unsigned i = 0; i < TURNS; i++) {
        capnp::MallocMessageBuilder message(kj::arrayPtr(scratch, 8192));
        build(message.initRoot<T>());
        kj::ArrayOutputStream out(kj::arrayPtr(bytes, sizeof bytes));
        capnp::writeMessage(out, message);
        auto written = out.getArray();
        capnp::FlatArrayMessageReader reader(
            kj::arrayPtr(reinterpret_cast<const capnp::word *>(written.begin()), written.size() / sizeof(capnp::word)));
        sum += sum_of(reader.getRoot<T>());
    }
    return sum;
}

template <typename T> void measure(const char *name)
{
    double best = 1e18, sum = 0;
    for (unsigned i = 0; i < ROUNDS; i++) {
        auto start = std::chrono::steady_clock::now();
        sum = round<T>();
        std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
        if (time.count() < best) best = time.count();
    }
    printf("%s %.0f\n%s_sum %lld\n", name, best / TURNS, name, (long long)sum);
}
} // namespace

int main()
{
    measure<ParkingLot>("B8_carsales");
    measure<SearchResults>("B8_catrank");
    measure<Expression>("B8_eval");
    return 0;
}
