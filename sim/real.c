#include "sim/real.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "doubles must not carry extra bits");
_Static_assert(DBL_MANT_DIG == 53, "doubles must be IEEE binary64");

#define CELLS 128 /* of one octave, in both tables */
#define CELL_SHIFT 45
#define MANTISSA_BITS 52

/* The centre of the first cell: 0.6875, so that cell 80 is centred on 1. */
#define FIRST_CENTRE (UINT64_C(0x3fe6) << 48)
#define FIRST_EDGE (FIRST_CENTRE - (UINT64_C(1) << (CELL_SHIFT - 1)))

/*
 * ln 2 and ln 2 / 128 in two parts; the first has so few bits that its
 * product with any exponent or step count that occurs is exact.
 */
#define LN2_HIGH 0x1.62e42fefa38p-1
#define LN2_LOW 0x1.ef35793c7673p-45
#define STEP_HIGH 0x1.62e42fef8p-8
#define STEP_LOW 0x1.1cf79abc9e3b4p-43
#define STEPS_PER_ONE 0x1.71547652b82fep+7

/*
 * Per cell with centre c: c, 1 / c, and ln c as a multiple of 2^-42 and the
 * rest. Computed to 300 bits and rounded.
 */
static const double logs[CELLS][4] = {
    {0x1.6p-1, 0x1.745d1745d1746p+0, -0x1.7fafa3bd81p-2,
     -0x1.46fb79bf6d4cbp-44},
    {0x1.62p-1, 0x1.724287f46debcp+0, -0x1.79e26687dp-2, 0x1.309c168817444p-44},
    {0x1.64p-1, 0x1.702e05c0b817p+0, -0x1.741d876c68p-2, 0x1.13a7b5b11cfa7p-44},
    {0x1.66p-1, 0x1.6e1f76b4337c7p+0, -0x1.6e60ee6af2p-2,
     0x1.a37a6a0f7749ep-44},
    {0x1.68p-1, 0x1.6c16c16c16c17p+0, -0x1.68ac83e9c7p-2, 0x1.7af966c548a3p-44},
    {0x1.6ap-1, 0x1.6a13cd153729p+0, -0x1.630030b3abp-2, 0x1.db623e731aep-45},
    {0x1.6cp-1, 0x1.6816816816817p+0, -0x1.5d5bddf596p-2,
     0x1.a0b2a08a465dcp-47},
    {0x1.6ep-1, 0x1.661ec6a5122f9p+0, -0x1.57bf753c8dp-2,
     -0x1.fadedee5d40efp-46},
    {0x1.7p-1, 0x1.642c8590b2164p+0, -0x1.522ae0738ap-2,
     -0x1.ebe708164c759p-45},
    {0x1.72p-1, 0x1.623fa7701624p+0, -0x1.4c9e09e173p-2, 0x1.e20891b0ad8a4p-45},
    {0x1.74p-1, 0x1.6058160581606p+0, -0x1.4718dc271cp-2,
     -0x1.06c18fb4c14c5p-44},
    {0x1.76p-1, 0x1.5e75bb8d015e7p+0, -0x1.419b423d5fp-2,
     0x1.ce379226de3ecp-44},
    {0x1.78p-1, 0x1.5c9882b931057p+0, -0x1.3c25277333p-2,
     -0x1.83b54b606bd5cp-46},
    {0x1.7ap-1, 0x1.5ac056b015acp+0, -0x1.36b6776be1p-2,
     -0x1.16ecdb0f177c8p-46},
    {0x1.7cp-1, 0x1.58ed2308158edp+0, -0x1.314f1e1d36p-2,
     0x1.8e27ad3213cb8p-45},
    {0x1.7ep-1, 0x1.571ed3c506b3ap+0, -0x1.2bef07cdc9p-2,
     -0x1.a9cfa4a5004f4p-45},
    {0x1.8p-1, 0x1.5555555555555p+0, -0x1.269621134ep-2, 0x1.1b61f10522625p-44},
    {0x1.82p-1, 0x1.5390948f40febp+0, -0x1.214456d0ecp-2,
     0x1.caf0428b728a3p-44},
    {0x1.84p-1, 0x1.51d07eae2f815p+0, -0x1.1bf99635a7p-2,
     0x1.1ac89575c2125p-44},
    {0x1.86p-1, 0x1.5015015015015p+0, -0x1.16b5ccbadp-2, 0x1.23299042d74bfp-44},
    {0x1.88p-1, 0x1.4e5e0a72f0539p+0, -0x1.1178e8227ep-2,
     -0x1.1ef78ce2d07f2p-44},
    {0x1.8ap-1, 0x1.4cab88725af6ep+0, -0x1.0c42d67616p-2,
     -0x1.7188b163ceae9p-45},
    {0x1.8cp-1, 0x1.4afd6a052bf5bp+0, -0x1.07138604d6p-2,
     0x1.e76324e912b17p-44},
    {0x1.8ep-1, 0x1.49539e3b2d067p+0, -0x1.01eae5626cp-2,
     -0x1.a43dcfade85aep-44},
    {0x1.9p-1, 0x1.47ae147ae147bp+0, -0x1.f991c6cb3cp-3, 0x1.90d04cd7cc834p-44},
    {0x1.92p-1, 0x1.460cbc7f5cf9ap+0, -0x1.ef5ade4ddp-3, 0x1.a211565bb8e11p-51},
    {0x1.94p-1, 0x1.446f86562d9fbp+0, -0x1.e530effe72p-3,
     0x1.fdbdbb13f7c18p-44},
    {0x1.96p-1, 0x1.42d6625d51f87p+0, -0x1.db13db0d48p-3,
     -0x1.2806a847527e6p-44},
    {0x1.98p-1, 0x1.4141414141414p+0, -0x1.d1037f2656p-3,
     0x1.84a7e75b6f6e4p-47},
    {0x1.9ap-1, 0x1.3fb013fb013fbp+0, -0x1.c6ffbc6fp-3, -0x1.ee138d3a69d43p-44},
    {0x1.9cp-1, 0x1.3e22cbce4a902p+0, -0x1.bd087383bep-3,
     0x1.d4bc4595412b6p-45},
    {0x1.9ep-1, 0x1.3c995a47babe7p+0, -0x1.b31d8575bcp-3,
     -0x1.c794e562a63cbp-44},
    {0x1.ap-1, 0x1.3b13b13b13b14p+0, -0x1.a93ed3c8aep-3, 0x1.8724350562169p-45},
    {0x1.a2p-1, 0x1.3991c2c187f63p+0, -0x1.9f6c40708ap-3,
     0x1.337d94bcd3f43p-44},
    {0x1.a4p-1, 0x1.3813813813814p+0, -0x1.95a5adcf7p-3,
     -0x1.7f22858a0ff6fp-47},
    {0x1.a6p-1, 0x1.3698df3de0748p+0, -0x1.8beafeb39p-3, 0x1.73d54aae92cd1p-47},
    {0x1.a8p-1, 0x1.3521cfb2b78c1p+0, -0x1.823c16551ap-3,
     -0x1.e0ddb9a631e83p-46},
    {0x1.aap-1, 0x1.33ae45b57bcb2p+0, -0x1.7898d85444p-3,
     -0x1.8e67be3dbaf3fp-44},
    {0x1.acp-1, 0x1.323e34a2b10bfp+0, -0x1.6f0128b756p-3,
     -0x1.577390d31ef0fp-44},
    {0x1.aep-1, 0x1.30d190130d19p+0, -0x1.6574ebe8c2p-3, 0x1.98c1d34f0f462p-44},
    {0x1.bp-1, 0x1.2f684bda12f68p+0, -0x1.5bf406b544p-3, 0x1.27023eb68981cp-46},
    {0x1.b2p-1, 0x1.2e025c04b8097p+0, -0x1.527e5e4a1cp-3,
     0x1.4e60b8d4b411dp-44},
    {0x1.b4p-1, 0x1.2c9fb4d812cap+0, -0x1.4913d8333cp-3, 0x1.53e43558124c4p-44},
    {0x1.b6p-1, 0x1.2b404ad012b4p+0, -0x1.3fb45a5992p-3,
     -0x1.19713c0cae559p-44},
    {0x1.b8p-1, 0x1.29e4129e4129ep+0, -0x1.365fcb015ap-3,
     0x1.fd3a0afb9691bp-44},
    {0x1.bap-1, 0x1.288b01288b013p+0, -0x1.2d1610c868p-3,
     -0x1.39d6ccb81b4a1p-47},
    {0x1.bcp-1, 0x1.27350b8812735p+0, -0x1.23d712a49cp-3,
     -0x1.00d238fd3df5cp-46},
    {0x1.bep-1, 0x1.25e22708092f1p+0, -0x1.1aa2b7e24p-3, 0x1.1ac38dde3b366p-44},
    {0x1.cp-1, 0x1.2492492492492p+0, -0x1.1178e8227ep-3,
     -0x1.1ef78ce2d07f2p-45},
    {0x1.c2p-1, 0x1.23456789abcdfp+0, -0x1.08598b59e4p-3,
     0x1.7e5dd7009902cp-45},
    {0x1.c4p-1, 0x1.21fb78121fb78p+0, -0x1.fe89139dbcp-4,
     -0x1.56594d82f7a82p-44},
    {0x1.c6p-1, 0x1.20b470c67c0d9p+0, -0x1.ec739830ap-4, -0x1.11fcba80cdd1p-44},
    {0x1.c8p-1, 0x1.1f7047dc11f7p+0, -0x1.da72763844p-4,
     -0x1.a89401fa71733p-46},
    {0x1.cap-1, 0x1.1e2ef3b3fb874p+0, -0x1.c885801bc4p-4,
     -0x1.646d1c65aacd3p-45},
    {0x1.ccp-1, 0x1.1cf06ada2811dp+0, -0x1.b6ac88dad4p-4,
     -0x1.b1bdff50225c7p-44},
    {0x1.cep-1, 0x1.1bb4a4046ed29p+0, -0x1.a4e7640b1cp-4,
     0x1.e42b6b94407c8p-47},
    {0x1.dp-1, 0x1.1a7b9611a7b96p+0, -0x1.9335e5d594p-4,
     -0x1.3115c3abd47dap-45},
    {0x1.d2p-1, 0x1.19453808ca29cp+0, -0x1.8197e2f41p-4, 0x1.c0fe460d20041p-44},
    {0x1.d4p-1, 0x1.1811811811812p+0, -0x1.700d30aeacp-4,
     -0x1.c1e8da99ded32p-49},
    {0x1.d6p-1, 0x1.16e0689427379p+0, -0x1.5e95a4d978p-4,
     -0x1.1cb7ce1d17171p-44},
    {0x1.d8p-1, 0x1.15b1e5f75270dp+0, -0x1.4d3115d208p-4,
     0x1.53a2582f4e1efp-48},
    {0x1.dap-1, 0x1.1485f0e0acd3bp+0, -0x1.3bdf5a7d2p-4, 0x1.19bd0ad125895p-44},
    {0x1.dcp-1, 0x1.135c81135c811p+0, -0x1.2aa04a447p-4,
     -0x1.7a48ba8b1cb41p-44},
    {0x1.dep-1, 0x1.12358e75d3033p+0, -0x1.1973bd1464p-4,
     -0x1.566d154f930b3p-44},
    {0x1.ep-1, 0x1.1111111111111p+0, -0x1.08598b59e4p-4, 0x1.7e5dd7009902cp-46},
    {0x1.e2p-1, 0x1.0fef010fef011p+0, -0x1.eea31c0068p-5,
     -0x1.c3dd83606d891p-44},
    {0x1.e4p-1, 0x1.0ecf56be69c9p+0, -0x1.ccb73cddd8p-5,
     -0x1.965c36e09f5fep-44},
    {0x1.e6p-1, 0x1.0db20a88f4696p+0, -0x1.aaef2d0fbp-5,
     -0x1.0fc1a353bb42ep-45},
    {0x1.e8p-1, 0x1.0c9714fbcda3bp+0, -0x1.894aa149f8p-5,
     -0x1.9a19a8be97661p-44},
    {0x1.eap-1, 0x1.0b7e6ec259dc8p+0, -0x1.67c94f2d48p-5,
     -0x1.dac20827cca0cp-44},
    {0x1.ecp-1, 0x1.0a6810a6810a7p+0, -0x1.466aed42ep-5, 0x1.c167375bdfd28p-45},
    {0x1.eep-1, 0x1.0953f39010954p+0, -0x1.252f32f8dp-5,
     -0x1.83e9ae021b67bp-45},
    {0x1.fp-1, 0x1.0842108421084p+0, -0x1.0415d89e78p-5, 0x1.dddc7f461c516p-44},
    {0x1.f2p-1, 0x1.073260a47f7c6p+0, -0x1.c63d2ec15p-6, 0x1.5439ce030a687p-44},
    {0x1.f4p-1, 0x1.0624dd2f1a9fcp+0, -0x1.8492528c9p-6, 0x1.aa0ba325a0c34p-45},
    {0x1.f6p-1, 0x1.05197f7d73404p+0, -0x1.432a92598p-6,
     -0x1.98139928637fep-47},
    {0x1.f8p-1, 0x1.041041041041p+0, -0x1.020565893p-6, -0x1.611d27c8e8417p-44},
    {0x1.fap-1, 0x1.03091b51f5e1ap+0, -0x1.82448a388p-7, -0x1.4554412c584ep-44},
    {0x1.fcp-1, 0x1.0204081020408p+0, -0x1.010157588p-7,
     -0x1.bce251998b506p-44},
    {0x1.fep-1, 0x1.010101010101p+0, -0x1.008055958p-8, -0x1.166afcb31c67bp-45},
    {1.0, 1.0, 0.0, 0.0},
    {0x1.02p+0, 0x1.fc07f01fc07fp-1, 0x1.fe02a6b1p-8, 0x1.9e23f0dda40e4p-46},
    {0x1.04p+0, 0x1.f81f81f81f82p-1, 0x1.fc0a8b0fcp-7, 0x1.f1e7cf6d3a69cp-50},
    {0x1.06p+0, 0x1.f44659e4a4271p-1, 0x1.7b91b07d6p-6, -0x1.3b955b602ace4p-44},
    {0x1.08p+0, 0x1.f07c1f07c1f08p-1, 0x1.f829b0e78p-6, 0x1.980267c7e09e4p-45},
    {0x1.0ap+0, 0x1.ecc07b301eccp-1, 0x1.39e87b9fe8p-5, 0x1.eafd480ad9015p-44},
    {0x1.0cp+0, 0x1.e9131abf0b767p-1, 0x1.77458f633p-5, -0x1.181dce586af09p-44},
    {0x1.0ep+0, 0x1.e573ac901e574p-1, 0x1.b42dd71198p-5,
     -0x1.c827ae5d6704cp-46},
    {0x1.1p+0, 0x1.e1e1e1e1e1e1ep-1, 0x1.f0a30c0118p-5, -0x1.d599e83368e91p-45},
    {0x1.12p+0, 0x1.de5d6e3f8868ap-1, 0x1.16536eea38p-4,
     -0x1.47c5e768fa309p-46},
    {0x1.14p+0, 0x1.dae6076b981dbp-1, 0x1.341d7961bcp-4, 0x1.1d0929983761p-44},
    {0x1.16p+0, 0x1.d77b654b82c34p-1, 0x1.51b073f06p-4, 0x1.83f69278e686ap-44},
    {0x1.18p+0, 0x1.d41d41d41d41dp-1, 0x1.6f0d28ae58p-4,
     -0x1.4b4641b664613p-44},
    {0x1.1ap+0, 0x1.d0cb58f6ec074p-1, 0x1.8c345d6318p-4, 0x1.b20f5acb42a66p-44},
    {0x1.1cp+0, 0x1.cd85689039b0bp-1, 0x1.a926d3a4acp-4, 0x1.563650bd22a9cp-44},
    {0x1.1ep+0, 0x1.ca4b3055ee191p-1, 0x1.c5e548f5bcp-4, 0x1.d0c57585fbe06p-46},
    {0x1.2p+0, 0x1.c71c71c71c71cp-1, 0x1.e27076e2bp-4, -0x1.a342c2af0003cp-45},
    {0x1.22p+0, 0x1.c3f8f01c3f8fp-1, 0x1.fec9131dcp-4, -0x1.54555d1ae6607p-44},
    {0x1.24p+0, 0x1.c0e070381c0ep-1, 0x1.0d77e7cd08p-3, 0x1.cb2cd2ee2f482p-44},
    {0x1.26p+0, 0x1.bdd2b899406f7p-1, 0x1.1b72ad52f6p-3, 0x1.e80a41811a396p-45},
    {0x1.28p+0, 0x1.bacf914c1badp-1, 0x1.29552f82p-3, -0x1.5b967f4471dfcp-44},
    {0x1.2ap+0, 0x1.b7d6c3dda338bp-1, 0x1.371fc201e8p-3, 0x1.ee8779b2d8abcp-44},
    {0x1.2cp+0, 0x1.b4e81b4e81b4fp-1, 0x1.44d2b6ccb8p-3,
     -0x1.70cc16135783cp-46},
    {0x1.2ep+0, 0x1.b2036406c80d9p-1, 0x1.526e5e3a1cp-3,
     -0x1.790ba37fc5238p-44},
    {0x1.3p+0, 0x1.af286bca1af28p-1, 0x1.5ff3070a7ap-3, -0x1.8586f183bebf2p-44},
    {0x1.32p+0, 0x1.ac5701ac5701bp-1, 0x1.6d60fe719ep-3,
     -0x1.bc6e557134767p-44},
    {0x1.34p+0, 0x1.a98ef606a63bep-1, 0x1.7ab890210ep-3,
     -0x1.bdb9072534a58p-45},
    {0x1.36p+0, 0x1.a6d01a6d01a6dp-1, 0x1.87fa06520cp-3, 0x1.22120401202fcp-44},
    {0x1.38p+0, 0x1.a41a41a41a41ap-1, 0x1.9525a9cf46p-3,
     -0x1.297137d9f158fp-44},
    {0x1.3ap+0, 0x1.a16d3f97a4b02p-1, 0x1.a23bc1fe2cp-3,
     -0x1.539cd91dc9f0bp-44},
    {0x1.3cp+0, 0x1.9ec8e951033d9p-1, 0x1.af3c94e80cp-3,
     -0x1.a4e633fcd9066p-52},
    {0x1.3ep+0, 0x1.9c2d14ee4a102p-1, 0x1.bc286742d8p-3, 0x1.9ac53f39d121cp-44},
    {0x1.4p+0, 0x1.999999999999ap-1, 0x1.c8ff7c79aap-3, -0x1.7794f689f8434p-45},
    {0x1.42p+0, 0x1.970e4f80cb872p-1, 0x1.d5c216b4fcp-3,
     -0x1.1ba91bbca681bp-45},
    {0x1.44p+0, 0x1.948b0fcd6e9ep-1, 0x1.e27076e2bp-3, -0x1.a342c2af0003cp-44},
    {0x1.46p+0, 0x1.920fb49d0e229p-1, 0x1.ef0adcbdc6p-3,
     -0x1.b26b79c86af24p-45},
    {0x1.48p+0, 0x1.8f9c18f9c18fap-1, 0x1.fb9186d5e4p-3,
     -0x1.d572aab993c87p-47},
    {0x1.4ap+0, 0x1.8d3018d3018d3p-1, 0x1.0402594b4dp-2, 0x1.036b89ef42d7fp-48},
    {0x1.4cp+0, 0x1.8acb90f6bf3aap-1, 0x1.0a324e2739p-2, 0x1.c6bee7ef4030ep-47},
    {0x1.4ep+0, 0x1.886e5f0abb04ap-1, 0x1.1058bf9ae5p-2,
     -0x1.4ab9d817d52cdp-44},
    {0x1.5p+0, 0x1.8618618618618p-1, 0x1.1675cababap-2, 0x1.8380e731f55c4p-44},
    {0x1.52p+0, 0x1.83c977ab2beddp-1, 0x1.1c898c169ap-2,
     -0x1.81410e5c62affp-44},
    {0x1.54p+0, 0x1.8181818181818p-1, 0x1.22941fbcf8p-2,
     -0x1.a6976f5eb0963p-44},
    {0x1.56p+0, 0x1.7f405fd017f4p-1, 0x1.2895a13de8p-2, 0x1.a8d7ad24c13fp-44},
    {0x1.58p+0, 0x1.7d05f417d05f4p-1, 0x1.2e8e2bae12p-2,
     -0x1.67b1e99b72bd8p-45},
    {0x1.5ap+0, 0x1.7ad2208e0ecc3p-1, 0x1.347dd9a988p-2,
     -0x1.5594dd4c58092p-45},
    {0x1.5cp+0, 0x1.78a4c8178a4c8p-1, 0x1.3a64c55694p-2, 0x1.7a71cbcd735dp-44},
    {0x1.5ep+0, 0x1.767dce434a9b1p-1, 0x1.404308686ap-2, 0x1.f8ef43049f7d3p-44},
};

/* 2^(j/128), rounded, and what the rounding lost. */
static const double powers[CELLS][2] = {
    {0x1p+0, 0.0},
    {0x1.0163da9fb3335p+0, 0x1.b61299ab8cdb7p-54},
    {0x1.02c9a3e778061p+0, -0x1.19083535b085dp-56},
    {0x1.04315e86e7f85p+0, -0x1.0a31c1977c96ep-54},
    {0x1.059b0d3158574p+0, 0x1.d73e2a475b465p-55},
    {0x1.0706b29ddf6dep+0, -0x1.c91dfe2b13c27p-55},
    {0x1.0874518759bc8p+0, 0x1.186be4bb284ffp-57},
    {0x1.09e3ecac6f383p+0, 0x1.1487818316136p-54},
    {0x1.0b5586cf9890fp+0, 0x1.8a62e4adc610bp-54},
    {0x1.0cc922b7247f7p+0, 0x1.01edc16e24f71p-54},
    {0x1.0e3ec32d3d1a2p+0, 0x1.03a1727c57b53p-59},
    {0x1.0fb66affed31bp+0, -0x1.b9bedc44ebd7bp-57},
    {0x1.11301d0125b51p+0, -0x1.6c51039449b3ap-54},
    {0x1.12abdc06c31ccp+0, -0x1.1b514b36ca5c7p-58},
    {0x1.1429aaea92dep+0, -0x1.32fbf9af1369ep-54},
    {0x1.15a98c8a58e51p+0, 0x1.2406ab9eeab0ap-55},
    {0x1.172b83c7d517bp+0, -0x1.19041b9d78a76p-55},
    {0x1.18af9388c8deap+0, -0x1.11023d1970f6cp-54},
    {0x1.1a35beb6fcb75p+0, 0x1.e5b4c7b4968e4p-55},
    {0x1.1bbe084045cd4p+0, -0x1.95386352ef607p-54},
    {0x1.1d4873168b9aap+0, 0x1.e016e00a2643cp-54},
    {0x1.1ed5022fcd91dp+0, -0x1.1df98027bb78cp-54},
    {0x1.2063b88628cd6p+0, 0x1.dc775814a8495p-55},
    {0x1.21f49917ddc96p+0, 0x1.2a97e9494a5eep-55},
    {0x1.2387a6e756238p+0, 0x1.9b07eb6c70573p-54},
    {0x1.251ce4fb2a63fp+0, 0x1.ac155bef4f4a4p-55},
    {0x1.26b4565e27cddp+0, 0x1.2bd339940e9d9p-55},
    {0x1.284dfe1f56381p+0, -0x1.a4c3a8c3f0d7ep-54},
    {0x1.29e9df51fdee1p+0, 0x1.612e8afad1255p-55},
    {0x1.2b87fd0dad99p+0, -0x1.10adcd6381aa4p-59},
    {0x1.2d285a6e4030bp+0, 0x1.0024754db41d5p-54},
    {0x1.2ecafa93e2f56p+0, 0x1.1ca0f45d52383p-56},
    {0x1.306fe0a31b715p+0, 0x1.6f46ad23182e4p-55},
    {0x1.32170fc4cd831p+0, 0x1.a9ce78e18047cp-55},
    {0x1.33c08b26416ffp+0, 0x1.32721843659a6p-54},
    {0x1.356c55f929ff1p+0, -0x1.b5cee5c4e4628p-55},
    {0x1.371a7373aa9cbp+0, -0x1.63aeabf42eae2p-54},
    {0x1.38cae6d05d866p+0, -0x1.e958d3c9904bdp-54},
    {0x1.3a7db34e59ff7p+0, -0x1.5e436d661f5e3p-56},
    {0x1.3c32dc313a8e5p+0, -0x1.efff8375d29c3p-54},
    {0x1.3dea64c123422p+0, 0x1.ada0911f09ebcp-55},
    {0x1.3fa4504ac801cp+0, -0x1.7d023f956f9f3p-54},
    {0x1.4160a21f72e2ap+0, -0x1.ef3691c309278p-58},
    {0x1.431f5d950a897p+0, -0x1.1c7dde35f7999p-55},
    {0x1.44e086061892dp+0, 0x1.89b7a04ef80dp-59},
    {0x1.46a41ed1d0057p+0, 0x1.c944bd1648a76p-54},
    {0x1.486a2b5c13cdp+0, 0x1.3c1a3b69062fp-56},
    {0x1.4a32af0d7d3dep+0, 0x1.9cb62f3d1be56p-54},
    {0x1.4bfdad5362a27p+0, 0x1.d4397afec42e2p-56},
    {0x1.4dcb299fddd0dp+0, 0x1.8ecdbbc6a7833p-54},
    {0x1.4f9b2769d2ca7p+0, -0x1.4b309d25957e3p-54},
    {0x1.516daa2cf6642p+0, -0x1.f768569bd93efp-55},
    {0x1.5342b569d4f82p+0, -0x1.07abe1db13cadp-55},
    {0x1.551a4ca5d920fp+0, -0x1.d689cefede59bp-55},
    {0x1.56f4736b527dap+0, 0x1.9bb2c011d93adp-54},
    {0x1.58d12d497c7fdp+0, 0x1.295e15b9a1de8p-55},
    {0x1.5ab07dd485429p+0, 0x1.6324c054647adp-54},
    {0x1.5c9268a5946b7p+0, 0x1.c4b1b816986a2p-60},
    {0x1.5e76f15ad2148p+0, 0x1.ba6f93080e65ep-54},
    {0x1.605e1b976dc09p+0, -0x1.3e2429b56de47p-54},
    {0x1.6247eb03a5585p+0, -0x1.383c17e40b497p-54},
    {0x1.6434634ccc32p+0, -0x1.c483c759d8933p-55},
    {0x1.6623882552225p+0, -0x1.bb60987591c34p-54},
    {0x1.68155d44ca973p+0, 0x1.038ae44f73e65p-57},
    {0x1.6a09e667f3bcdp+0, -0x1.bdd3413b26456p-54},
    {0x1.6c012750bdabfp+0, -0x1.2895667ff0b0dp-56},
    {0x1.6dfb23c651a2fp+0, -0x1.bbe3a683c88abp-57},
    {0x1.6ff7df9519484p+0, -0x1.83c0f25860ef6p-55},
    {0x1.71f75e8ec5f74p+0, -0x1.16e4786887a99p-55},
    {0x1.73f9a48a58174p+0, -0x1.0a8d96c65d53cp-54},
    {0x1.75feb564267c9p+0, -0x1.0245957316dd3p-54},
    {0x1.780694fde5d3fp+0, 0x1.866b80a02162dp-54},
    {0x1.7a11473eb0187p+0, -0x1.41577ee04992fp-55},
    {0x1.7c1ed0130c132p+0, 0x1.f124cd1164dd6p-54},
    {0x1.7e2f336cf4e62p+0, 0x1.05d02ba15797ep-56},
    {0x1.80427543e1a12p+0, -0x1.27c86626d972bp-54},
    {0x1.82589994cce13p+0, -0x1.d4c1dd41532d8p-54},
    {0x1.8471a4623c7adp+0, -0x1.8d684a341cdfbp-55},
    {0x1.868d99b4492edp+0, -0x1.fc6f89bd4f6bap-54},
    {0x1.88ac7d98a6699p+0, 0x1.994c2f37cb53ap-54},
    {0x1.8ace5422aa0dbp+0, 0x1.6e9f156864b27p-54},
    {0x1.8cf3216b5448cp+0, -0x1.0d55e32e9e3aap-56},
    {0x1.8f1ae99157736p+0, 0x1.5cc13a2e3976cp-55},
    {0x1.9145b0b91ffc6p+0, -0x1.dd6792e582524p-54},
    {0x1.93737b0cdc5e5p+0, -0x1.75fc781b57ebcp-57},
    {0x1.95a44cbc8520fp+0, -0x1.64b7c96a5f039p-56},
    {0x1.97d829fde4e5p+0, -0x1.d185b7c1b85d1p-54},
    {0x1.9a0f170ca07bap+0, -0x1.173bd91cee632p-54},
    {0x1.9c49182a3f09p+0, 0x1.c7c46b071f2bep-56},
    {0x1.9e86319e32323p+0, 0x1.824ca78e64c6ep-56},
    {0x1.a0c667b5de565p+0, -0x1.359495d1cd533p-54},
    {0x1.a309bec4a2d33p+0, 0x1.6305c7ddc36abp-54},
    {0x1.a5503b23e255dp+0, -0x1.d2f6edb8d41e1p-54},
    {0x1.a799e1330b358p+0, 0x1.bcb7ecac563c7p-54},
    {0x1.a9e6b5579fdbfp+0, 0x1.0fac90ef7fd31p-54},
    {0x1.ac36bbfd3f37ap+0, -0x1.f9234cae76cdp-55},
    {0x1.ae89f995ad3adp+0, 0x1.7a1cd345dcc81p-54},
    {0x1.b0e07298db666p+0, -0x1.bdef54c80e425p-54},
    {0x1.b33a2b84f15fbp+0, -0x1.2805e3084d708p-57},
    {0x1.b59728de5593ap+0, -0x1.c71dfbbba6de3p-54},
    {0x1.b7f76f2fb5e47p+0, -0x1.5584f7e54ac3bp-56},
    {0x1.ba5b030a1064ap+0, -0x1.efcd30e54292ep-54},
    {0x1.bcc1e904bc1d2p+0, 0x1.23dd07a2d9e84p-55},
    {0x1.bf2c25bd71e09p+0, -0x1.efdca3f6b9c73p-54},
    {0x1.c199bdd85529cp+0, 0x1.11065895048ddp-55},
    {0x1.c40ab5fffd07ap+0, 0x1.b4537e083c60ap-54},
    {0x1.c67f12e57d14bp+0, 0x1.2884dff483cadp-54},
    {0x1.c8f6d9406e7b5p+0, 0x1.1acbc48805c44p-56},
    {0x1.cb720dcef9069p+0, 0x1.503cbd1e949dbp-56},
    {0x1.cdf0b555dc3fap+0, -0x1.dd83b53829d72p-55},
    {0x1.d072d4a07897cp+0, -0x1.cbc3743797a9cp-54},
    {0x1.d2f87080d89f2p+0, -0x1.d487b719d8578p-54},
    {0x1.d5818dcfba487p+0, 0x1.2ed02d75b3707p-55},
    {0x1.d80e316c98398p+0, -0x1.11ec18beddfe8p-54},
    {0x1.da9e603db3285p+0, 0x1.c2300696db532p-54},
    {0x1.dd321f301b46p+0, 0x1.2da5778f018c3p-54},
    {0x1.dfc97337b9b5fp+0, -0x1.1a5cd4f184b5cp-54},
    {0x1.e264614f5a129p+0, -0x1.7b627817a1496p-54},
    {0x1.e502ee78b3ff6p+0, 0x1.39e8980a9cc8fp-55},
    {0x1.e7a51fbc74c83p+0, 0x1.2d522ca0c8de2p-54},
    {0x1.ea4afa2a490dap+0, -0x1.e9c23179c2893p-54},
    {0x1.ecf482d8e67f1p+0, -0x1.c93f3b411ad8cp-54},
    {0x1.efa1bee615a27p+0, 0x1.dc7f486a4b6bp-54},
    {0x1.f252b376bba97p+0, 0x1.3a1a5bf0d8e43p-54},
    {0x1.f50765b6e454p+0, 0x1.9d3e12dd8a18bp-54},
    {0x1.f7bfdad9cbe14p+0, -0x1.dbb12d006350ap-54},
    {0x1.fa7c1819e90d8p+0, 0x1.74853f3a5931ep-55},
    {0x1.fd3c22b8f71f1p+0, 0x1.2eb74966579e7p-57},
};

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* ln of x = z * 2^k with z in the cells around 1. `bits` are x's, k_more is
 * added to k: a subnormal x comes here scaled up. */
static inline double log_normal(uint64_t bits, int k_more)
{
    uint64_t from = bits - FIRST_EDGE + (UINT64_C(1023) << MANTISSA_BITS);
    const double *cell = logs[(from >> CELL_SHIFT) % CELLS];
    int k = (int)(from >> MANTISSA_BITS) - 1023;
    double z = from_bits(FIRST_EDGE + from % (UINT64_C(1) << MANTISSA_BITS));

    double r = (z - cell[0]) * cell[1]; /* the difference is exact */
    double r2 = r * r;
    double series = -0.5 + r * (1.0 / 3) +
                    r2 * (-0.25 + r * 0.2 + r2 * (-1.0 / 6 + r * (1.0 / 7)));
    double scale = (double)(k + k_more);
    double whole = scale * LN2_HIGH + cell[2]; /* exact */
    double high = whole + r;
    double low = whole - high + r + (scale * LN2_LOW + cell[3]);
    return low + r2 * series + high;
}

/* What is not a positive normal number. */
static double log_special(double x)
{
    if (x == 0) {
        return -(double)INFINITY;
    }
    if (x != x || x < 0) {
        return (double)NAN;
    }
    if (x == (double)INFINITY) {
        return x;
    }
    return log_normal(bits_of(x * 0x1p54), -54);
}

double sim_real_log(double x)
{
    uint64_t bits = bits_of(x);
    if (bits - (UINT64_C(1) << MANTISSA_BITS) >= UINT64_C(0x7fe)
                                                     << MANTISSA_BITS) {
        return log_special(x);
    }
    return log_normal(bits, 0);
}

/* 2^k for -1022 <= k <= 1023. */
static double power_of_two(int k)
{
    return from_bits((uint64_t)(k + 1023) << MANTISSA_BITS);
}

/* x times 2^k, k beyond a double's exponents included; rounds once. */
static double scale_by(double x, int k)
{
    if (k > 1023) {
        return x * 2.0 * power_of_two(k - 1);
    }
    if (k < -1022) {
        return x * power_of_two(k + 200) * power_of_two(-200);
    }
    return x * power_of_two(k);
}

double sim_real_exp(double x)
{
    if (x != x) {
        return x;
    }
    if (x > 709.79) {
        return (double)INFINITY;
    }
    if (x < -746.0) {
        return 0;
    }
    double steps = x * STEPS_PER_ONE;
    int n = (int)(steps + (steps < 0 ? -0.5 : 0.5));
    int cell = n & (CELLS - 1);
    double r = x - (double)n * STEP_HIGH - (double)n * STEP_LOW;
    double r2 = r * r;
    double grown =
        r + r2 * (0.5 + r * (1.0 / 6) + r2 * (1.0 / 24 + r * (1.0 / 120)));
    const double *power = powers[cell];
    double y = power[0] + (power[1] + power[0] * grown);
    return scale_by(y, (n - cell) / CELLS);
}

/* The polynomial with coefficients c[0] + c[1] x + ... + c[7] x^7. */
static double polynomial(const double c[8], double x)
{
    double sum = c[7];
    for (int i = 6; i >= 0; i--) {
        sum = sum * x + c[i];
    }
    return sum;
}

/*
 * Rational approximations PPND16 of M. J. Wichura, Algorithm AS 241: The
 * Percentage Points of the Normal Distribution, Applied Statistics 37 (1988).
 * Rows: numerator and denominator for the middle, the shoulder, the tail.
 */
static const double wichura[6][8] = {
    {3.3871328727963666080e0, 1.3314166789178437745e+2,
     1.9715909503065514427e+3, 1.3731693765509461125e+4,
     4.5921953931549871457e+4, 6.7265770927008700853e+4,
     3.3430575583588128105e+4, 2.5090809287301226727e+3},
    {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2,
     5.3941960214247511077e+3, 2.1213794301586595867e+4,
     3.9307895800092710610e+4, 2.8729085735721942674e+4,
     5.2264952788528545610e+3},
    {1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,
     3.64784832476320460504, 1.27045825245236838258, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187, 1.67638483018380384940,
     6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9},
    {6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580,
     2.96560571828504891230e-1, 2.65321895265761230930e-2,
     1.24266094738807843860e-3, 2.71155556874348757815e-5,
     2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
     1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15},
};

static double ratio(int row, double x)
{
    return polynomial(wichura[row], x) / polynomial(wichura[row + 1], x);
}

double sim_real_normal(double p)
{
    assert(p > 0 && p < 1);
    double q = p - 0.5;
    if (q >= -0.425 && q <= 0.425) {
        return q * ratio(0, 0.180625 - q * q);
    }
    double r = sqrt(-sim_real_log(q < 0 ? p : 1.0 - p));
    double z = r <= 5.0 ? ratio(2, r - 1.6) : ratio(4, r - 5.0);
    return q < 0 ? -z : z;
}
