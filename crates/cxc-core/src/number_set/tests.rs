use super::*;
use proptest::prelude::*;

fn set_of(digits: &[u64]) -> NumberSet {
    let mut builder = NumberSetBuilder::new();
    digits.iter().for_each(|d| builder.push_digits(*d).unwrap());
    builder.finish().unwrap().0
}

fn bytes_of(set: &NumberSet) -> Vec<u8> {
    let mut bytes = Vec::new();
    set.write_to(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<NumberSet, NumberSetError> {
    NumberSet::read_from(bytes).map(|(set, _)| set)
}

/// Bytes whose digest is right, whatever stands in them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    bytes
}

#[test]
fn a_set_holds_what_came_and_nothing_else() {
    let phone = |text| PhoneNumber::parse(text).unwrap();
    let mut builder = NumberSetBuilder::new();
    for text in ["+12125550100", "+442079460123", "+12125550100", "+61491570156"] {
        builder.push(phone(text)).unwrap();
    }
    let (set, duplicates) = builder.finish().unwrap();
    assert_eq!((set.len(), duplicates), (3, 1));
    assert!(set.contains(phone("+12125550100")) && set.contains(phone("+61491570156")));
    assert!(!set.contains(phone("+12125550101")) && !set.contains(phone("+1212555010")));
}

#[test]
fn what_can_be_no_number_is_not_taken() {
    let mut builder = NumberSetBuilder::new();
    for wrong in [0, 9_999_999, 1_000_000_000_000_000, u64::MAX] {
        assert!(matches!(builder.push_digits(wrong), Err(NumberSetError::NotANumber(n)) if n == wrong), "{wrong}");
    }
    assert!(builder.push_digits(10_000_000).is_ok() && builder.push_digits(999_999_999_999_999).is_ok());
}

#[test]
fn chunks_in_any_order_make_one_set_and_count_their_doubles() {
    let mut builder = NumberSetBuilder::new();
    // three passes over the same numbers, over the border of the chunks
    for pass in 0..3_u64 {
        for i in 0..1_000_000_u64 {
            let i = if pass == 1 { 999_999 - i } else { i };
            builder.push_digits(12_000_000_000 + i * 7).unwrap();
        }
    }
    let (set, duplicates) = builder.finish().unwrap();
    assert_eq!((set.len(), duplicates), (1_000_000, 2_000_000));
}

#[test]
fn the_prefixes_are_countries_and_lengths() {
    let set = set_of(&[12_125_550_100, 12_125_550_101, 442_079_460_123, 4_420_794_601, 74_955_550_100, 35_312_345_678]);
    let found: Vec<(u16, u8, u64)> = set.prefixes().iter().map(|p| (p.code, p.digits, p.count)).collect();
    assert_eq!(found, [(44, 10, 1), (1, 11, 2), (353, 11, 1), (7, 11, 1), (44, 12, 1)]);
    assert_eq!(found.iter().map(|f| f.2).sum::<u64>(), set.len());
}

#[test]
fn lists_are_added_and_taken_out_as_changes() {
    let mut set = set_of(&[12_125_550_100, 12_125_550_101]);
    let change = set_of(&[12_125_550_101, 12_125_550_102]);
    assert_eq!(set.shared(&change), 1);
    assert_eq!((set.add(&change).unwrap(), set.len()), (1, 3));
    assert_eq!((set.remove(&change), set.len()), (2, 1));
    assert!(set.contains_digits(12_125_550_100));
}

#[test]
fn the_same_set_has_the_same_bytes_and_comes_back() {
    let set = set_of(&[12_125_550_100, 442_079_460_123, 999_999_999_999_999]);
    let again = set_of(&[999_999_999_999_999, 442_079_460_123, 12_125_550_100]);
    assert_eq!(bytes_of(&set), bytes_of(&again));
    assert_eq!(read(&bytes_of(&set)).unwrap(), set);
    assert_eq!(read(&bytes_of(&NumberSet::default())).unwrap().len(), 0);
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let bytes = bytes_of(&set_of(&[12_125_550_100, 442_079_460_123, 442_079_460_124]));
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(read(&longer), Err(NumberSetError::Damaged(_))));
}

#[test]
fn a_file_with_any_bit_turned_is_refused() {
    let bytes = bytes_of(&set_of(&[12_125_550_100, 442_079_460_123]));
    for i in 0..bytes.len() * 8 {
        let mut wrong = bytes.clone();
        wrong[i / 8] ^= 1 << (i % 8);
        assert!(read(&wrong).is_err(), "bit {i}");
    }
}

#[test]
fn a_well_sealed_lie_is_refused_too() {
    let bytes = bytes_of(&set_of(&[12_125_550_100, 442_079_460_123]));
    let body = &bytes[..bytes.len() - 32];
    let with = |at: usize, new: &[u8]| {
        let mut wrong = body.to_vec();
        wrong[at..at + new.len()].copy_from_slice(new);
        read(&sealed(wrong))
    };
    assert!(read(&sealed(body.to_vec())).is_ok());
    assert!(matches!(with(0, b"x"), Err(NumberSetError::Magic)));
    assert!(matches!(with(8, &[9, 0]), Err(NumberSetError::Format { found: 9, known: 1 })));
    assert!(matches!(with(10, &u64::MAX.to_le_bytes()), Err(NumberSetError::TooMany)));
    assert!(matches!(with(10, &1_u64.to_le_bytes()), Err(NumberSetError::Damaged(_))));
    assert!(matches!(with(10, &3_u64.to_le_bytes()), Err(NumberSetError::Damaged(_))));
    assert!(matches!(with(18, &u16::MAX.to_le_bytes()), Err(NumberSetError::Damaged(_))));
    // a prefix that says another country
    assert!(matches!(with(20, &[2, 0]), Err(NumberSetError::Damaged(_))));
    // as many blocks as there can't be, and a block in the place of one before
    let blocks = 20 + 2 * 11;
    assert!(matches!(with(blocks, &u64::MAX.to_le_bytes()), Err(NumberSetError::Damaged(_))));
    assert!(matches!(with(blocks + 8, &200_u32.to_le_bytes()), Err(NumberSetError::Damaged(_))));
    assert!(matches!(with(blocks + 8, &u32::MAX.to_le_bytes()), Err(NumberSetError::Damaged(_))));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_fall_over(head in 0..60_usize, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let good = bytes_of(&set_of(&[12_125_550_100, 442_079_460_123]));
        let mut bytes = good[..head].to_vec();
        bytes.extend_from_slice(&noise);
        prop_assert!(read(&bytes).is_err());
        prop_assert!(read(&sealed(bytes)).is_err());
    }

    #[test]
    fn a_set_answers_like_a_set_of_the_standard_library(
        digits in prop::collection::btree_set(prop_oneof![12_000_000_000..12_000_300_000_u64, 10_000_000..999_999_999_999_999_u64], 0..500),
        asked in prop::collection::vec(12_000_000_000..12_000_300_000_u64, 50),
    ) {
        let set = set_of(&digits.iter().copied().collect::<Vec<_>>());
        let back = read(&bytes_of(&set)).unwrap();
        for number in asked.iter().chain(&digits) {
            prop_assert_eq!(back.contains_digits(*number), digits.contains(number));
        }
        prop_assert!(back.iter().eq(digits.iter().copied()));
    }
}
